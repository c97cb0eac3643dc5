/* SPDX-License-Identifier: MIT */
/* One pass under way: which column sits in which slot, and what was recorded so far. */
#ifndef VKFI_VK_VK_RUN_H
#define VKFI_VK_VK_RUN_H

#include "model/op.h"
#include "model/schedule.h"
#include "vk/vk_state.h"

/* Entries of a list: all, and those that have been dispatched. */
struct vk_listed {
    uint32_t n, done;
};

struct vk_run {
    struct vk *vk;
    const struct schedule *schedule;
    const struct pass *pass;
    struct column_result *out;
    const uint32_t *column; /* of each slot: the schedule's, of the layers or of the outputs */
    const uint32_t *slot;   /* and back, EXECUTOR_NONE: none */
    uint32_t *order; /* (n_hooks) hook of the pass for each entry of the device's list; owned */
    struct vk_patch *patches; /* (n_patches) by node, then column; owned */
    uint32_t n_patches;
    uint64_t written, read; /* resources used since the last barrier, as bits */
    bool twins;             /* some guard evaluates an op twice */
    uint32_t column_words;  /* of columns and tables */
    uint32_t verdict_quads;
    struct vk_run_nodes {
        uint32_t first, end;
    } fused;                      /* nodes that the last dispatch of an op did */
    uint32_t doubled;             /* one past the last node whose twin was done with it */
    struct vk_reg reg[REG_COUNT]; /* where its rows are now: versions of version_rows each */
    uint32_t version[REG_COUNT];  /* below `versions` */
    uint32_t versions, version_rows;
    uint32_t *verdict;                 /* (n_guards) quad of each, in the schedule's order; owned */
    struct vk_listed listed[VK_LISTS]; /* what guards look at */
    uint64_t guarded;                  /* what entries not dispatched yet read, as bits */
    uint64_t units;                    /* of work (vk_pace.h) recorded since the last submit */
};

/* Writes slots, page tables, hooks and columns where the device reads them. */
enum status vk_prepare(struct vk_run *run) STATUS_MUST_USE;

/* Copies between what the host has and what the device has, where these are apart: before the first
 * dispatch, after the last. */
enum status vk_prepare_push(const struct vk_run *run) STATUS_MUST_USE;
enum status vk_prepare_pull(const struct vk_run *run) STATUS_MUST_USE;

/* Sorts the hooks by patch; fills `order` and `patches`. */
enum status vk_patch_plan(struct vk_run *run) STATUS_MUST_USE;

void vk_prepare_finish(struct vk_run *run);

/* Resources beside those of op_access, for vk_run_access. */
#define VK_RUN_SAVED (OP_PAGES + 1)
#define VK_RUN_CHECKPOINTS (OP_PAGES + 2)
#define VK_RUN_HOOKS (OP_PAGES + 3)
#define VK_RUN_TWIN(reg) (OP_PAGES + 4 + (reg)) /* rows of a register's second evaluations */

/* A barrier if what follows, with these reads and writes, must wait for what was recorded. */
void vk_run_access(struct vk_run *run, uint64_t reads, uint64_t writes);

/* Copies quads between two places of one pair of buffers. */
struct vk_run_copy {
    const struct gpu_buffer *from, *to;
    uint64_t from_quad, to_quad;
    uint32_t quads;
};
enum status vk_run_copy(struct vk_run *run, const struct vk_run_copy *copy) STATUS_MUST_USE;

/* Submits what was recorded, waits, goes on recording. */
enum status vk_run_flush(struct vk_run *run) STATUS_MUST_USE;

/* Before a dispatch of so much work: submits what was recorded if both would take too long. */
enum status vk_run_room(struct vk_run *run, uint64_t units) STATUS_MUST_USE;

/* Slots of a node's dispatch, and where rows of S and P, or of L, start. */
struct vk_range {
    uint32_t slot0, slots;
    uint32_t base; /* slot that is row 0 of S and P, or of L */
    uint32_t last_position;
    bool gathered; /* the output phase reads its residuals from T */
};

/* Records a node with its hooks and gives it to the watcher. */
enum status vk_run_node(struct vk_run *run, uint32_t index,
                        const struct vk_range *range) STATUS_MUST_USE;

/* The op of a record. */
enum status vk_run_op(const struct vk_rec *rec) STATUS_MUST_USE;

/* Before the node: keeps inputs that it will overwrite. After it: the hooks of rec->evaluation. */
enum status vk_patch_save(struct vk_run *run, const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_patch(struct vk_run *run, const struct vk_rec *rec) STATUS_MUST_USE;

/* Whether one dispatch does the op of the record, and those merged with it, and all their twins. */
bool vk_twin_doubles(const struct vk_run *run, const struct vk_rec *rec);

/* After the node: its op again into rows apart, unless it was doubled, with the hooks of that
 * evaluation. */
enum status vk_twin(struct vk_run *run, const struct vk_rec *rec,
                    enum guard_kind kind) STATUS_MUST_USE;

/* Before the pass: room, verdicts of none found, registers where they start. */
enum status vk_guard_prepare(struct vk_run *run) STATUS_MUST_USE;
/* Before registers (bits) are written anew, `whole`: all rows of them: what guards read there stays
 * until they have looked. Those written together move together. */
enum status vk_guard_make_way(struct vk_run *run, uint64_t writes, bool whole) STATUS_MUST_USE;
/* At the node, then at the end of the pass. */
enum status vk_guard(struct vk_run *run, const struct vk_rec *rec) STATUS_MUST_USE;
enum status vk_guard_end(struct vk_run *run) STATUS_MUST_USE;
/* After the pass: the verdicts, which the host sees. */
void vk_guard_read(const struct vk_run *run);

/* Submits, and gives the rows of the node's output to the watcher, if there is one. */
enum status vk_watch(struct vk_run *run, const struct vk_rec *rec) STATUS_MUST_USE;

/* The whole pass: executor_ops.pass. */
enum status vk_pass(struct executor *ex, const struct schedule *schedule,
                    struct column_result *out) STATUS_MUST_USE;

#endif

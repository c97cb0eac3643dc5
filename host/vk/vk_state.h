/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: the executor's state, and one op being recorded. */
#ifndef VKFI_VK_VK_STATE_H
#define VKFI_VK_VK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/buffer.h"
#include "gpu/stream.h"
#include "model/executor.h"
#include "shared/order.h"
#include "shared/push.h"
#include "vk/vk_kernels.h"
#include "vk/vk_kv.h"
#include "vk/vk_pace.h"
#include "vk/vk_weights.h"

#define VK_QUAD 16u /* bytes */

/* A register in the work buffer: quads. */
struct vk_reg {
    uint32_t at, stride;
};

/* Lists of what guards look at, one for each of their kernels (shared/guards.h). */
enum vk_list { VK_LIST_STRIPS, VK_LIST_PARTS, VK_LIST_STORED, VK_LISTS };
extern const uint64_t vk_guard_entry[VK_LISTS]; /* bytes of an entry */

/* The device memory of the registers, and what the host reads back. */
struct vk_memory {
    struct gpu_buffer *work;           /* registers */
    struct gpu_buffer *columns;        /* of a pass: (n_columns, COLUMN_WORDS), then page tables */
    struct gpu_buffer *rope;           /* (tables, positions, rope_dim / 2, 2) */
    struct gpu_buffer *hooks;          /* (HOOK_MOST) struct hook_data, (hook_words) */
    struct gpu_buffer *strips_of_rows; /* (logit_rows, strips, DIGEST_QUADS) */
    struct gpu_buffer *results;        /* (max_columns, DIGEST_QUADS) */
    struct gpu_buffer *feature_parts;  /* (logit_rows, blocks of ids, FEATURES_QUADS) or null */
    struct gpu_buffer *features;       /* (max_columns, FEATURES_QUADS); null: never asked for */
    struct gpu_buffer *hidden;         /* (max_columns, embd_quads) rows entering the output */
    struct gpu_buffer *spans; /* (span_room) quads of K and V, their sums; null: none yet */
    struct gpu_buffer *lists[VK_LISTS]; /* (list_room) entries of guards; null: none yet */
    struct gpu_buffer *verdicts;        /* (verdict_room) quads of guards; null: none yet */
    struct gpu_buffer *logits;          /* (logit_room, n_vocab) rows asked for; null: none yet */
    struct gpu_buffer *checkpoints;     /* (n_checkpoints, n_layers + 1, checkpoint_row) or null */
    struct vk_reg reg[REG_COUNT];
    struct vk_reg saved;  /* inputs of hooked ops that work in place, by slot */
    uint32_t counters[2]; /* of LINEAR's workgroups, one a quad: before and after all registers */
    uint32_t hook_words, logit_room, list_room[VK_LISTS], verdict_room, span_room;
    uint32_t twin_row;      /* rows of registers before those of second evaluations; S, P and L
                               are halved instead (vk_twin_row) */
    uint32_t score_columns; /* rows of S and P, at least 2 */
    uint32_t logit_rows;    /* rows of L */
    uint32_t score_stride;  /* key positions of a head in S and P */
    uint32_t strip, strips; /* quads of a strip of logits; strips of a row */
    uint32_t rope_table;    /* quads of one rope table */
    uint32_t embd_quads;    /* of a row of X */
};

/* Check sums of GUARD_ABFT. */
struct vk_abft {
    struct gpu_buffer *tables; /* of all nodes that have one; null: none yet */
    uint32_t *at;              /* (graph.count) quad of a node's */
    uint32_t n_tables;         /* of the executor's, that are there */
};

struct vk {
    struct executor base;
    struct gpu *gpu;
    struct vk_kernels kernels;
    struct vk_weights weights;
    struct vk_kv kv;
    struct vk_memory memory;
    struct vk_abft abft;
    struct stream *stream;
    struct vk_pace pace;
    uint32_t fusions;        /* VK_FUSE_* that are used where nothing forbids it */
    uint32_t attention_keys; /* VK_FUSE_ATTENTION: at most ATTENTION_KEYS */
    uint32_t max_columns, positions;
    bool failed;                          /* the last submit: its counters may have stayed */
    uint64_t dispatches, barriers, waits; /* since creation; the last two of passes */
};

static inline const struct hparams *vk_hparams(const struct vk *vk)
{
    return &vk->base.model->hp;
}

/* Hooks of one node and column in one dispatch: captures, or edits. */
struct vk_patch {
    uint32_t first, n;     /* hooks in the order of the device's list */
    uint32_t node, column; /* of the pass */
    uint32_t evaluation;   /* guard_evaluation */
    uint32_t point;        /* of all of them, or HOOK_SEVERAL */
    bool captures;         /* before the edits */
    bool records;          /* a second run notes the bits of the lowest element */
    uint32_t row,
        row_end; /* outputs concerned: LINEAR and HEADS features, SCORES and SOFTMAX heads */
    uint32_t key, key_end; /* SCORES: key positions concerned, UINT32_MAX: all */
};

/* One op over columns, or a patch of one column. */
struct vk_rec {
    struct vk *vk;
    const struct node *node;
    uint32_t index;         /* of the node */
    uint32_t slot0, slots;  /* columns: rows of the registers */
    uint32_t score_slot0;   /* slot of the first row of S and P */
    uint32_t last_position; /* highest position of the slots */
    uint32_t fusion, nodes; /* VK_FUSE_* of its dispatch; nodes from this one on that it does */
    struct vk_reg src, src2, dst;
    struct vk_reg sum;   /* VK_FUSE_ADD: rows with the residual, src2, added */
    struct vk_reg next;  /* VK_FUSE_NORM, VK_FUSE_GATE: what follows */
    bool keeps;          /* and `dst` is written too */
    bool doubled;        /* LINEAR of one slot: with its twin, which shares its reads of weights */
    uint32_t evaluation; /* 0: the op's own, else a twin's (guard_evaluation): `dst` is apart */
    const struct vk_patch *patch; /* null: the op itself */
    uint32_t hook_index;          /* push.hook */
};

/* Where the rows of second evaluations start. */
static inline uint32_t vk_twin_row(const struct vk_memory *m, enum reg reg)
{
    return reg == REG_L                   ? m->logit_rows / 2
           : reg == REG_S || reg == REG_P ? m->score_columns / 2
                                          : m->twin_row;
}

/* Where the rows of a register end, those of second evaluations too; not of S, P and L. */
static inline uint64_t vk_reg_end(const struct vk_memory *m, enum reg reg)
{
    return m->reg[reg].at + 2 * (uint64_t)m->twin_row * m->reg[reg].stride;
}

/* Position of a slot's output row, in quads. */
static inline uint64_t vk_rec_row(const struct vk_rec *rec, uint32_t slot)
{
    const bool scores = rec->node->out == REG_S || rec->node->out == REG_P;
    const uint32_t row = scores ? slot - rec->score_slot0 : slot;

    return rec->dst.at + (uint64_t)row * rec->dst.stride;
}

static inline uint32_t vk_rec_point(const struct vk_rec *rec)
{
    return rec->patch ? rec->patch->point : HOOK_OFF;
}

/* Starts a dispatch: kernel, push constants and grid; the caller adds bindings. */
struct vk_dispatch {
    struct vk_kernel_key key;
    const struct gpu_buffer *buffers[KERNEL_BINDINGS_MAX]; /* by number; the hooks are added */
    struct vk_part_of {
        uint64_t at, quads;
    } parts[2]; /* what bindings 0 and 1 see of their buffers; 0 quads: all of it */
    const void *push;
    uint32_t push_size;
    uint32_t groups[3];
};

enum status vk_dispatch(const struct vk_rec *rec, const struct vk_dispatch *d) STATUS_MUST_USE;

#endif

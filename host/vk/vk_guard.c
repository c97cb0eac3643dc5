/* SPDX-License-Identifier: MIT */
/* GUARD: what guards look at is listed as it is recorded, and looked at in few dispatches: before a
 * register that a guard reads is written anew and has no rows left to move on to, and at the end of
 * the pass. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/guard.h"
#include "vk/vk_guard_abft.h"
#include "vk/vk_memory.h"
#include "vk/vk_run.h"

#define GROUPS_MOST 65535u /* of a dispatch, on any device */

const uint64_t vk_guard_entry[VK_LISTS] = {sizeof(struct guards_strip), sizeof(struct guards_part),
                                           sizeof(struct guards_stored)};

/* Registers whose rows may move; scores and logits have no rows to spare. */
#define FIXED (OP_BIT(REG_S) | OP_BIT(REG_P) | OP_BIT(REG_L))
#define REGISTERS (OP_BIT(REG_COUNT) - 1)

static enum vk_list list_of(enum guard_kind kind)
{
    return kind == GUARD_ABFT     ? VK_LIST_PARTS
           : kind == GUARD_STORED ? VK_LIST_STORED
                                  : VK_LIST_STRIPS;
}

static const struct guard *guard_at(const struct vk_run *run, uint32_t index)
{
    return &run->pass->guards[run->schedule->guard[index]];
}

static struct guard_lines lines_of(const struct vk_run *run, const struct guard *guard)
{
    return guard_lines(&run->vk->base.model->graph.node[guard->node],
                       &run->pass->columns[guard->column], run->vk->memory.score_stride);
}

static uint32_t quads_of(const struct guard_lines *lines)
{
    return lines->n * (lines->last / 4 - lines->first / 4 + 1);
}

/* Entries of a guard. */
static uint32_t count_entries(const struct vk_run *run, const struct guard *guard)
{
    if (guard->kind == GUARD_ABFT)
        return run->vk->base.abft[guard->node].parts;
    const struct guard_lines lines = lines_of(run, guard);
    return guard->kind == GUARD_STORED ? 1 : order_ceil(quads_of(&lines), GUARDS_STRIP);
}

/* Rows of second evaluations are spare where there are none. */
static void count_versions(struct vk_run *run)
{
    const uint32_t columns = run->pass->n_columns, rows = run->vk->memory.twin_row;

    run->version_rows = columns == 1 ? 1 : order_ceil(columns, VK_COLUMNS_MAX) * VK_COLUMNS_MAX;
    run->versions = (run->twins ? rows : 2 * rows) / run->version_rows;
}

enum status vk_guard_prepare(struct vk_run *run)
{
    const uint32_t n = run->pass->n_guards;
    uint32_t entries[VK_LISTS] = {0}, quads = 0;
    enum status st = STATUS_OK;

    memcpy(run->reg, run->vk->memory.reg, sizeof(run->reg));
    if (n == 0)
        return STATUS_OK;
    run->verdict = malloc(n * sizeof(*run->verdict));
    if (!run->verdict) {
        log_error("pass: no host memory for %u guards", n);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct guard *guard = guard_at(run, i);
        const uint32_t count = count_entries(run, guard);
        run->twins |= guard_evaluation(guard->kind) != 0;
        run->verdict[i] = quads;
        quads += guard_words(guard, run->vk->base.abft) / GUARD_WORDS;
        entries[list_of(guard->kind)] += count;
    }
    count_versions(run);
    run->verdict_quads = quads;
    st = vk_memory_verdicts(run->vk, quads);
    st = st ? st : vk_memory_lists(run->vk, entries);
    if (st)
        return st;
    for (uint32_t i = 0, quad = 0; i < n; i++) {
        const uint32_t end = i + 1 < n ? run->verdict[i + 1] : quads;
        for (; quad < end; quad++)
            guard_begin(guard_at(run, i)->kind,
                        (uint32_t *)gpu_buffer_mapped(run->vk->memory.verdicts) +
                            (size_t)quad * GUARD_WORDS);
    }
    return entries[VK_LIST_PARTS] > 0 ? vk_guard_abft_tables(run->vk) : STATUS_OK;
}

void vk_guard_read(const struct vk_run *run)
{
    for (uint32_t i = 0; i < run->pass->n_guards; i++) {
        struct guard *guard = &run->pass->guards[run->schedule->guard[i]];
        uint32_t *words = (uint32_t *)gpu_buffer_mapped(run->vk->memory.verdicts) +
                          (size_t)run->verdict[i] * GUARD_WORDS;
        guard_strike(guard, words);
        if (guard->kind == GUARD_ABFT)
            guard_abft_join(guard->verdict, words, run->vk->base.abft[guard->node].parts);
        else
            guard_conclude(guard, words);
    }
}

/* Registers and rows of their second evaluations. */
static uint64_t with_twins(uint64_t regs)
{
    return regs | (regs & REGISTERS) << VK_RUN_TWIN(0);
}

/* Dispatches all entries that are listed, which may edit the registers `edits`. */
static enum status look(struct vk_run *run, uint64_t edits)
{
    static const enum vk_shader SHADERS[VK_LISTS] = {VK_SHADER_GUARD, VK_SHADER_GUARD_ABFT,
                                                     VK_SHADER_STORED_SUMS};
    const struct vk_memory *m = &run->vk->memory;
    const struct gpu_buffer *const buffers[VK_LISTS][4] = {
        {m->verdicts, m->work, m->lists[VK_LIST_STRIPS], m->work},
        {m->verdicts, m->work, run->vk->abft.tables, m->lists[VK_LIST_PARTS]},
        {m->verdicts, m->work, m->lists[VK_LIST_STORED]}};
    enum status st = STATUS_OK;

    struct stream_span spans[VK_LISTS];
    uint32_t entries = 0, n = 0;

    for (uint32_t list = 0; list < VK_LISTS; list++) {
        const struct vk_listed *listed = &run->listed[list];
        const uint64_t size = vk_guard_entry[list];
        entries += listed->n - listed->done;
        if (listed->n > listed->done)
            spans[n++] = (struct stream_span){m->lists[list], listed->done * size,
                                              (listed->n - listed->done) * size};
    }
    if (entries > 0)
        st = vk_run_room(run, vk_pace_looks(entries));
    if (run->guarded != 0)
        vk_run_access(run, run->guarded, edits);
    st = st ? st : stream_push(run->vk->stream, spans, n);
    for (uint32_t list = 0; list < VK_LISTS; list++) {
        struct vk_listed *listed = &run->listed[list];
        while (listed->done < listed->n && !st) {
            const uint32_t left = listed->n - listed->done;
            const struct push_guard push = {.entry0 = listed->done};
            struct vk_dispatch d = {.key = {.shader = SHADERS[list]},
                                    .push = &push,
                                    .push_size = sizeof(push),
                                    .groups = {left < GROUPS_MOST ? left : GROUPS_MOST, 1, 1}};
            for (uint32_t i = 0; i < 4; i++)
                d.buffers[i] = buffers[list][i];
            st = vk_dispatch(&(struct vk_rec){.vk = run->vk}, &d);
            listed->done += d.groups[0];
        }
    }
    run->guarded = 0;
    return st;
}

enum status vk_guard_end(struct vk_run *run)
{
    return look(run, 0);
}

/* Nothing has to wait for guards of the rows left behind: what wrote them lies before a barrier,
 * which what writes the register next needs anyhow, and so does a second use of the rows. */
static void move(struct vk_run *run, uint64_t regs, uint32_t version)
{
    const struct vk_memory *m = &run->vk->memory;

    for (uint32_t reg = 0; reg < REG_COUNT; reg++) {
        if (!(regs & OP_BIT(reg)))
            continue;
        run->version[reg] = version;
        run->reg[reg].at = m->reg[reg].at + version * run->version_rows * m->reg[reg].stride;
    }
    run->guarded &= ~with_twins(regs);
}

enum status vk_guard_make_way(struct vk_run *run, uint64_t writes, bool whole)
{
    const uint64_t regs = writes & REGISTERS;
    const bool guarded = run->guarded & with_twins(regs);
    uint32_t lowest = UINT32_MAX, highest = 0;
    enum status st = STATUS_OK;

    for (uint32_t reg = 0; reg < REG_COUNT; reg++) {
        if (!(regs & OP_BIT(reg)))
            continue;
        lowest = run->version[reg] < lowest ? run->version[reg] : lowest;
        highest = run->version[reg] > highest ? run->version[reg] : highest;
    }
    if (!guarded && (regs == 0 || lowest == highest))
        return STATUS_OK;
    const bool moves = whole && !(regs & FIXED);
    uint32_t version = guarded ? highest + 1 : highest;
    if (!moves || version >= run->versions) {
        st = look(run, 0);
        version = 0;
    }
    if (moves)
        move(run, regs, version);
    return st;
}

/* A row of K and one of V, or twice that of an embedding. */
static struct guards_stored stored_entry(const struct vk_rec *rec, uint32_t slot, uint32_t verdict)
{
    const bool embeds = rec->node->op == OP_EMBED;
    const struct vk_reg *k = embeds ? &rec->dst : &rec->src, *v = embeds ? &rec->dst : &rec->src2;
    return (struct guards_stored){.k = k->at + slot * k->stride,
                                  .v = v->at + slot * v->stride,
                                  .quads = rec->node->rows / 4,
                                  .verdict = verdict};
}

/* Lists what a guard looks at, for its column at `slot`. */
static void add_entries(struct vk_run *run, const struct vk_rec *rec, uint32_t index, uint32_t slot)
{
    const struct vk_memory *m = &run->vk->memory;
    const struct guard *guard = guard_at(run, index);
    const enum vk_list list = list_of(guard->kind);
    const uint32_t n = count_entries(run, guard), verdict = run->verdict[index];
    const struct guard_lines lines = lines_of(run, guard);
    struct vk_listed *listed = &run->listed[list];
    void *entries = gpu_buffer_mapped(m->lists[list]);

    for (uint32_t i = 0; i < n; i++, listed->n++) {
        if (list == VK_LIST_PARTS)
            ((struct guards_part *)entries)[listed->n] = vk_guard_abft_part(
                run, rec, &(struct vk_guard_place){slot, i, verdict + i, lang_bits(guard->factor)});
        else if (list == VK_LIST_STORED)
            ((struct guards_stored *)entries)[listed->n] = stored_entry(rec, slot, verdict);
        else
            ((struct guards_strip *)entries)[listed->n] =
                (struct guards_strip){.row = (uint32_t)vk_rec_row(rec, slot),
                                      .line_quads = m->score_stride / 4,
                                      .first = lines.first,
                                      .last = lines.last,
                                      .at = i * GUARDS_STRIP,
                                      .end = i + 1 < n ? (i + 1) * GUARDS_STRIP : quads_of(&lines),
                                      .twin = guard_evaluation(guard->kind)
                                                  ? vk_twin_row(m, rec->node->out) * rec->dst.stride
                                                  : 0,
                                      .verdict = verdict,
                                      .range = guard_check_of(guard)};
    }
}

/* What guards of a kind read at a node. */
static uint64_t reads_of(const struct node *node, enum guard_kind kind)
{
    const bool stores = node->op == OP_STORE;
    return kind == GUARD_STORED && stores ? OP_BIT(node->in) | OP_BIT(node->in2)
           : kind == GUARD_ABFT           ? OP_BIT(node->in) | OP_BIT(node->out)
           : guard_evaluation(kind)       ? OP_BIT(node->out) | OP_BIT(VK_RUN_TWIN(node->out))
                                          : OP_BIT(node->out);
}

/* The slot of the guard at `index` of the schedule, EXECUTOR_NONE: not one of the record's. */
static uint32_t slot_of(const struct vk_run *run, const struct vk_rec *rec, uint32_t index)
{
    const uint32_t slot =
        schedule_guard_slot(run->schedule, run->vk->base.model, guard_at(run, index));

    return slot - rec->slot0 < rec->slots ? slot : EXECUTOR_NONE;
}

static enum status add_kind(struct vk_run *run, const struct vk_rec *rec,
                            const struct schedule_guards *kind)
{
    const struct node *node = rec->node;
    const uint64_t twin = OP_BIT(VK_RUN_TWIN(node->out));
    bool any = false, edits = false;
    enum status st = STATUS_OK;

    for (uint32_t i = kind->first; i < kind->first + kind->n; i++) {
        any |= slot_of(run, rec, i) != EXECUTOR_NONE;
        edits |= guard_edits(guard_at(run, i));
    }
    if (!any)
        return STATUS_OK;
    if (edits || (guard_evaluation(kind->kind) && (run->guarded & twin)))
        st = look(run, 0); /* what is there before */
    if (!st && guard_evaluation(kind->kind))
        st = vk_twin(run, rec, kind->kind);
    for (uint32_t i = kind->first; i < kind->first + kind->n && !st; i++) {
        const uint32_t slot = slot_of(run, rec, i);
        if (slot != EXECUTOR_NONE)
            add_entries(run, rec, i, slot);
    }
    run->guarded |= reads_of(node, kind->kind);
    return st || !edits ? st : look(run, OP_BIT(node->out));
}

enum status vk_guard(struct vk_run *run, const struct vk_rec *rec)
{
    struct schedule_guards kind = {0};
    enum status st = STATUS_OK;

    while (!st && schedule_next_guards(run->schedule, rec->index, &kind)) {
        executor_work_guards(&run->vk->base, run->schedule, &kind,
                             (struct executor_work_slots){rec->slot0, rec->slots});
        st = add_kind(run, rec, &kind);
    }
    return st;
}

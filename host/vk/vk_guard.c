/* SPDX-License-Identifier: MIT */
/* GUARD: the guards of a node, one dispatch for each kind. */
#include "model/guard.h"

#include "shared/sums.h"
#include "vk/vk_guard_abft.h"
#include "vk/vk_memory.h"
#include "vk/vk_ops.h"
#include "vk/vk_run.h"

#define STRIP_QUADS 256u /* of a workgroup */

enum status vk_guard_prepare(struct vk_run *run)
{
    const struct pass *pass = run->pass;
    struct vk_memory *m = &run->vk->memory;
    const enum status st =
        pass->n_guards > 0 ? vk_memory_guards(run->vk, pass->n_guards) : STATUS_OK;

    if (st || pass->n_guards == 0)
        return st;
    struct range_check *checks = gpu_buffer_mapped(m->checks);
    uint32_t *verdict = gpu_buffer_mapped(m->verdicts);
    for (uint32_t i = 0; i < pass->n_guards; i++, verdict += GUARD_WORDS) {
        const struct guard *guard = &pass->guards[run->schedule->guard[i]];
        const struct node *node = &run->vk->base.model->graph.node[guard->node];
        const struct guard_lines lines =
            guard_lines(node, &pass->columns[guard->column], m->score_stride);
        run->twins |= guard_evaluation(guard->kind) != 0;
        checks[i] = guard_check_of(guard);
        checks[i].slot = schedule_guard_slot(run->schedule, run->vk->base.model, guard);
        if (guard_evaluation(guard->kind) != 0)
            checks[i].twin = vk_twin_row(m, node->out) * m->reg[node->out].stride;
        checks[i].first = lines.first;
        checks[i].last = lines.last;
        guard_begin(guard->kind, verdict);
    }
    return vk_guard_abft_prepare(run);
}

void vk_guard_read(const struct vk_run *run)
{
    const struct vk_memory *m = &run->vk->memory;
    uint32_t *verdict = m->verdicts ? gpu_buffer_mapped(m->verdicts) : NULL;

    for (uint32_t i = 0; i < run->pass->n_guards; i++, verdict += GUARD_WORDS) {
        struct guard *guard = &run->pass->guards[run->schedule->guard[i]];
        if (guard->kind == GUARD_ABFT) {
            vk_guard_abft_read(run, i);
        } else {
            guard_strike(guard, verdict);
            guard_conclude(guard, verdict);
        }
    }
}

/* Whether some guard of a kind concerns a slot of the record; `out_writes`: some may change rows.
 */
static bool concerned(const struct vk_run *run, const struct vk_rec *rec,
                      const struct schedule_guards *kind, bool *out_writes)
{
    bool any = false;

    *out_writes = false;
    for (uint32_t i = kind->first; i < kind->first + kind->n; i++) {
        const struct guard *guard = &run->pass->guards[run->schedule->guard[i]];
        const uint32_t slot = run->slot[guard->column];
        any |= slot >= rec->slot0 && slot - rec->slot0 < rec->slots;
        *out_writes |= guard->kind == GUARD_RANGE && guard->action != GUARD_COUNT;
    }
    return any;
}

static enum status check(struct vk_run *run, const struct vk_rec *rec,
                         const struct schedule_guards *kind)
{
    const struct vk *vk = rec->vk;
    const struct node *node = rec->node;
    const bool keyed = node->out == REG_S || node->out == REG_P;
    const uint32_t row = keyed ? rec->score_slot0 : 0, x = vk->kernels.shape.x[VK_SHADER_GUARD];
    const uint32_t quads =
        keyed ? node->rows * (rec->last_position / 4 + 1) : order_ceil(node->rows, 4);
    const uint32_t strips = order_ceil(quads, STRIP_QUADS);
    const uint32_t evaluation = guard_evaluation(kind->kind);
    const struct push_guard push = {.src = rec->dst.at - row * rec->dst.stride,
                                    .src_stride = rec->dst.stride,
                                    .slot0 = rec->slot0,
                                    .slots = rec->slots,
                                    .lines = keyed ? node->rows : 1,
                                    .line_quads = vk->memory.score_stride / 4,
                                    .lanes = strips * x,
                                    .guard0 = kind->first};
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_GUARD},
        .buffers = {vk->memory.verdicts, vk->memory.work, vk->memory.checks, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {strips, kind->n, 1}};
    bool writes;

    if (!concerned(run, rec, kind, &writes))
        return STATUS_OK;
    const enum status st = evaluation ? vk_twin(run, rec, kind->kind) : STATUS_OK;
    vk_run_access(run, OP_BIT(node->out) | (evaluation ? OP_BIT(VK_RUN_TWIN(node->out)) : 0),
                  writes ? OP_BIT(node->out) : 0);
    return st ? st : vk_dispatch(rec, &d);
}

static enum status sum_stored(struct vk_run *run, const struct vk_rec *rec,
                              const struct schedule_guards *kind)
{
    const struct vk *vk = rec->vk;
    const struct push_stored_sums push = {.k = rec->src.at,
                                          .v = rec->src2.at,
                                          .stride = rec->src.stride,
                                          .quads = rec->node->rows / 4,
                                          .slot0 = rec->slot0,
                                          .slots = rec->slots,
                                          .guard0 = kind->first};
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_STORED_SUMS},
        .buffers = {vk->memory.verdicts, vk->memory.work, vk->memory.checks},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {kind->n, 1, 1}};

    vk_run_access(run, OP_BIT(rec->node->in) | OP_BIT(rec->node->in2), 0);
    return vk_dispatch(rec, &d);
}

enum status vk_guard(struct vk_run *run, const struct vk_rec *rec)
{
    struct schedule_guards kind = {0};
    enum status st = STATUS_OK;

    while (!st && schedule_next_guards(run->schedule, rec->index, &kind)) {
        executor_work_guards(&run->vk->base, run->schedule, &kind,
                             (struct executor_work_slots){rec->slot0, rec->slots});
        st = kind.kind == GUARD_STORED ? sum_stored(run, rec, &kind)
             : kind.kind == GUARD_ABFT ? vk_guard_abft(run, rec, &kind)
                                       : check(run, rec, &kind);
    }
    return st;
}

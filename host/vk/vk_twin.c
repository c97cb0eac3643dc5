/* SPDX-License-Identifier: MIT */
/* Second evaluations, into the rows after those of all slots: the op's dispatch once more, or for a
 * matrix and a single column, as in decoding, a second column of the first. */
#include "vk/vk_run.h"

/* A twin at the column of the slot; other kinds of second evaluations have a dispatch of their own.
 */
static bool has_twin(const struct vk_run *run, uint32_t index, uint32_t slot)
{
    struct schedule_guards kind = {0};

    while (run->schedule->twice[index] && schedule_next_guards(run->schedule, index, &kind)) {
        for (uint32_t i = kind.first; kind.kind == GUARD_TWIN && i < kind.first + kind.n; i++) {
            const struct guard *guard = &run->pass->guards[run->schedule->guard[i]];
            if (schedule_guard_slot(run->schedule, run->vk->base.model, guard) == slot)
                return true;
        }
    }
    return false;
}

bool vk_twin_doubles(const struct vk_run *run, const struct vk_rec *rec)
{
    const uint32_t merged =
        rec->node->op == OP_LINEAR ? run->vk->weights.plan[rec->index].merged : 0;
    bool all = merged > 0 && rec->slots == 1;

    for (uint32_t i = 0; i < merged && all; i++)
        all = has_twin(run, rec->index + i, rec->slot0);
    return all;
}

enum status vk_twin(struct vk_run *run, const struct vk_rec *rec, enum guard_kind kind)
{
    const struct node *node = rec->node;
    const struct vk_memory *m = &run->vk->memory;
    uint64_t reads = op_access(node).reads;
    const bool doubled = kind == GUARD_TWIN && rec->index < run->doubled;
    struct vk_rec twin = *rec;
    enum status st = STATUS_OK;

    twin.evaluation = guard_evaluation(kind);
    twin.dst.at += vk_twin_row(m, node->out) * twin.dst.stride;
    if (node->in == node->out) {
        twin.src = m->saved;
        reads = (reads & ~OP_BIT(node->in)) | OP_BIT(VK_RUN_SAVED);
    }
    if (!doubled) {
        st = vk_run_room(run, vk_pace_cost(&twin));
        vk_run_access(run, reads, OP_BIT(VK_RUN_TWIN(node->out)));
        st = st ? st : vk_run_op(&twin);
    }
    executor_work_twin(&run->vk->base, run->schedule, rec->index,
                       (struct executor_work_slots){rec->slot0, rec->slots}, doubled);
    return st ? st : vk_patch(run, &twin);
}

/* SPDX-License-Identifier: MIT */
/* Second evaluations: the op's dispatch once more, into the rows after those of all slots. */
#include "vk/vk_run.h"

enum status vk_twin(struct vk_run *run, const struct vk_rec *rec, enum guard_kind kind)
{
    const struct node *node = rec->node;
    const struct vk_memory *m = &run->vk->memory;
    uint32_t reads = op_access(node).reads;
    struct vk_rec twin = *rec;

    twin.evaluation = guard_evaluation(kind);
    twin.dst.at += vk_twin_row(m, node->out) * twin.dst.stride;
    if (node->in == node->out) {
        twin.src = m->saved;
        reads = (reads & ~OP_BIT(node->in)) | OP_BIT(VK_RUN_SAVED);
    }
    vk_run_access(run, reads, OP_BIT(VK_RUN_TWIN(node->out)));
    const enum status st = vk_run_op(&twin);
    executor_work_op(&run->vk->base, run->schedule, rec->index,
                     (struct executor_work_slots){rec->slot0, rec->slots});
    return st ? st : vk_patch(run, &twin);
}

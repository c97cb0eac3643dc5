/* SPDX-License-Identifier: MIT */
/* GUARD: a workgroup for each guard of a node's rows. */
#include "vk/vk_ops.h"
#include "vk/vk_run.h"

static enum status check_row(struct vk_run *run, const struct vk_rec *rec, uint32_t index,
                             uint32_t slot)
{
    const struct vk *vk = rec->vk;
    const struct guard_lines lines =
        guard_lines(rec->node, &run->pass->columns[run->column[slot]], vk->memory.score_stride);
    const struct push_guard push = {.src = (uint32_t)vk_rec_row(rec, slot),
                                    .lines = lines.n,
                                    .line_quads = lines.stride / 4,
                                    .first = lines.first,
                                    .last = lines.last,
                                    .verdict = index};
    const struct vk_dispatch d = {.key = {.shader = VK_SHADER_GUARD},
                                  .buffers = {vk->memory.verdicts, vk->memory.work},
                                  .push = &push,
                                  .push_size = sizeof(push),
                                  .groups = {1, 1, 1}};

    vk_run_access(run, OP_BIT(rec->node->out), OP_BIT(VK_RUN_VERDICTS));
    return vk_dispatch(rec, &d);
}

enum status vk_guard(struct vk_run *run, const struct vk_rec *rec)
{
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < run->pass->n_guards && !st; i++) {
        const struct guard *guard = &run->pass->guards[i];
        const uint32_t slot = run->slot[guard->column];
        if (guard->node == rec->index && slot >= rec->slot0 && slot - rec->slot0 < rec->slots)
            st = check_row(run, rec, i, slot);
    }
    return st;
}

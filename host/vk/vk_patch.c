/* SPDX-License-Identifier: MIT */
/* Hooks of a node: its op again, with the fault in, over the outputs concerned. */
#include "vk/vk_run.h"

/* The hook's slot, EXECUTOR_NONE if it is not one of the node's dispatch. */
static uint32_t slot_of(const struct vk_run *run, const struct vk_rec *rec, const struct hook *hook)
{
    const uint32_t slot = hook->node == rec->index ? run->slot[hook->column] : EXECUTOR_NONE;

    return slot != EXECUTOR_NONE && slot >= rec->slot0 && slot - rec->slot0 < rec->slots
               ? slot
               : EXECUTOR_NONE;
}

enum status vk_patch_save(struct vk_run *run, const struct vk_rec *rec)
{
    struct vk *vk = run->vk;
    const struct vk_reg *saved = &vk->memory.saved;
    enum status st = STATUS_OK;

    if (rec->node->in != rec->node->out)
        return STATUS_OK;
    for (uint32_t i = 0; i < run->pass->n_hooks && st == STATUS_OK; i++) {
        const uint32_t slot = slot_of(run, rec, &run->pass->hooks[i]);
        if (slot == EXECUTOR_NONE)
            continue;
        vk_run_access(run, VK_RUN_BIT(rec->node->in), VK_RUN_BIT(VK_RUN_SAVED));
        st = vk_run_copy(run,
                         &(struct vk_run_copy){.from = vk->memory.work,
                                               .to = vk->memory.work,
                                               .from_quad = rec->src.at + slot * rec->src.stride,
                                               .to_quad = saved->at + slot * saved->stride,
                                               .quads = vk_ceil(rec->node->rows, 4)});
    }
    return st;
}

/* One hook's dispatch. */
static enum status patch_one(struct vk_run *run, const struct vk_rec *rec, uint32_t index)
{
    const uint32_t slot = slot_of(run, rec, &run->pass->hooks[index]);
    struct vk_rec patch = *rec;

    if (slot == EXECUTOR_NONE)
        return STATUS_OK;
    patch.hook = &run->pass->hooks[index];
    patch.hook_index = index;
    patch.slot0 = slot;
    patch.slots = 1;
    if (rec->node->in == rec->node->out)
        patch.src = run->vk->memory.saved;
    /* one after the other: patches share outputs, and captured bits */
    vk_run_access(run, VK_RUN_BIT(VK_RUN_HOOKS) | VK_RUN_BIT(VK_RUN_SAVED),
                  VK_RUN_BIT(VK_RUN_HOOKS) | VK_RUN_BIT(rec->node->out));
    return vk_run_op(&patch);
}

enum status vk_patch(struct vk_run *run, const struct vk_rec *rec)
{
    enum status st = STATUS_OK;

    for (int captures = 1; captures >= 0; captures--)
        for (uint32_t i = 0; i < run->pass->n_hooks && st == STATUS_OK; i++)
            if ((run->pass->hooks[i].data.capture != 0) == (captures != 0))
                st = patch_one(run, rec, i);
    return st;
}

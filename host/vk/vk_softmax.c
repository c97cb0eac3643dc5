/* SPDX-License-Identifier: MIT */
/* SOFTMAX: one head per invocation, or a workgroup for a few heads. */
#include "vk/vk_ops.h"

enum status vk_softmax(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct vk_patch *patch = rec->patch;
    const uint32_t heads = vk_hparams(vk)->n_head;
    const uint32_t wanted = patch ? patch->row_end - patch->row : heads;
    const uint32_t row = rec->slot0 - rec->score_slot0;
    const struct push_softmax push = {
        .src = rec->src.at + row * rec->src.stride,
        .dst = rec->dst.at + row * rec->dst.stride,
        .stride = rec->src.stride,
        .head_stride = vk->memory.score_stride / 4,
        .heads = heads,
        .window = rec->node->window,
        .head0 = patch ? patch->row : 0,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_SOFTMAX, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->memory.columns},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(wanted, vk->kernels.shape.x[VK_SHADER_SOFTMAX]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

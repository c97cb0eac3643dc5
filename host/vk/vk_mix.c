/* SPDX-License-Identifier: MIT */
/* MIX: four features per invocation. */
#include "vk/vk_ops.h"

enum status vk_mix(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const uint32_t quads = rec->node->rows / 4; /* whole tiles, with experts */
    const struct push_mix push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .weights = rec->src2.at,
        .weights_stride = rec->src2.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .quads = quads,
        .used = rec->node->width,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_MIX, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(quads, vk->kernels.shape.x[VK_SHADER_MIX]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

/* SPDX-License-Identifier: MIT */
/* CHOOSE: an expert per invocation. */
#include "vk/vk_ops.h"

enum status vk_choose(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct node *node = rec->node;
    const struct push_choose push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .dst_words = rec->dst.at * 4,
        .dst_stride_words = rec->dst.stride * 4,
        .experts = node->width,
        .used = node->rows,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_CHOOSE, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(node->width, vk->kernels.shape.x[VK_SHADER_CHOOSE]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

/* SPDX-License-Identifier: MIT */
/* ROUTE: the weight of a chosen expert per invocation. */
#include "vk/vk_ops.h"

enum status vk_route(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct node *node = rec->node;
    const struct push_route push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .chosen = rec->src2.at,
        .chosen_stride = rec->src2.stride,
        .dst_words = rec->dst.at * 4,
        .dst_stride_words = rec->dst.stride * 4,
        .terms = node->width,
        .alone = node->width == node->rows,
        .used = node->rows,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_ROUTE, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(node->rows, vk->kernels.shape.x[VK_SHADER_ROUTE]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

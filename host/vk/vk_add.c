/* SPDX-License-Identifier: MIT */
/* ADD and SHARE: four features per invocation. */
#include "vk/vk_ops.h"

enum status vk_add(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const uint32_t quads = order_ceil(rec->node->rows, 4);
    const enum vk_shader shader = rec->node->op == OP_ADD ? VK_SHADER_ADD : VK_SHADER_SHARE;
    const struct push_add push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .src2 = rec->src2.at,
        .src2_stride = rec->src2.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .quads = quads,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = shader, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(quads, vk->kernels.shape.x[shader]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

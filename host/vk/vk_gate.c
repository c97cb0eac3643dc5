/* SPDX-License-Identifier: MIT */
/* GATE: four features per invocation. */
#include "vk/vk_ops.h"

enum status vk_gate(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const uint32_t quads = order_ceil(rec->node->rows, 4);
    const struct push_gate push = {
        .gate = rec->src.at,
        .up = rec->src2.at,
        .src_stride = rec->src.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .quads = quads,
        .gelu = vk_hparams(vk)->activation == ACTIVATION_GELU,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_GATE, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(quads, vk->kernels.shape.x[VK_SHADER_GATE]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

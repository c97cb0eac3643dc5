/* SPDX-License-Identifier: MIT */
/* GATE and ACT: four features per invocation. */
#include "vk/vk_ops.h"

_Static_assert(ACTIVATION_SILU == 0 && ACTIVATION_GELU == 1 && ACTIVATION_GELU_ERF == 2,
               "push_gate names the functions by these numbers");

enum status vk_gate(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const uint32_t quads = order_ceil(rec->node->rows, 4);
    const enum vk_shader shader = rec->node->op == OP_ACT ? VK_SHADER_GATE_ALONE : VK_SHADER_GATE;
    const struct push_gate push = {
        .gate = rec->src.at,
        .up = rec->src2.at,
        .src_stride = rec->src.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .quads = quads,
        .fn = vk_hparams(vk)->activation,
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

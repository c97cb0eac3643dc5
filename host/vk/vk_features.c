/* SPDX-License-Identifier: MIT */
/* Features of rows of logits: blocks of ids first, then rows. */
#include "vk/vk_ops.h"

enum status vk_features(const struct vk_rec *rec, uint32_t row0, bool rows)
{
    const struct vk *vk = rec->vk;
    const struct push_features push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .count = rec->node->rows,
        .blocks = order_ceil(rec->node->rows, NM_BLOCK),
        .row0 = row0,
        .residual = rec->src2.at,
        .residual_stride = rec->src2.stride,
        .width = rec->node->width,
        .stage = rows ? 1 : 0,
    };
    const uint32_t lanes = vk->kernels.shape.x[VK_SHADER_FEATURES];
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_FEATURES},
        .buffers = {vk->memory.feature_parts, vk->memory.features, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {rows ? 1 : order_ceil(push.blocks, lanes), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

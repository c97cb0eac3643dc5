/* SPDX-License-Identifier: MIT */
/* ROPE: eight features per invocation; q and k together where nothing forbids it. */
#include "vk/vk_ops.h"

#define ROPE_UNIT 8u

enum status vk_rope(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct node *node = rec->node;
    const uint32_t lanes = vk->kernels.shape.x[VK_SHADER_ROPE];
    const uint32_t scaled = node->rows / ROPE_UNIT;
    const uint32_t units = scaled + (rec->fused ? rec->fused->rows / ROPE_UNIT : 0);
    const struct push_rope push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .table = node->table * vk->memory.rope_table,
        .units = units,
        .head_dim = hp->head_dim,
        .rope_dim = hp->rope_dim,
        .neox = hp->rope_neox,
        .scale = node->scale == 0 ? 0 : lang_bits(node->scale),
        .scaled = scaled,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };

    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_ROPE, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->memory.rope, vk->memory.columns},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(units, lanes), rec->slots, 1}};
    return vk_dispatch(rec, &d);
}

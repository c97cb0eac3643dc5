/* SPDX-License-Identifier: MIT */
/* ROPE: eight features an invocation; of q and k together where nothing forbids it. */
#include "vk/vk_ops.h"

#define ROPE_UNIT 8u

/* The unit that works on a feature: pairs lie half a rotated head apart, or side by side. */
static uint32_t unit_of(const struct hparams *hp, uint32_t feature)
{
    const uint32_t half = hp->rope_dim / 2, f = feature % hp->head_dim;
    const uint32_t in_head = hp->rope_neox && f < hp->rope_dim ? f % half / 4 : f / ROPE_UNIT;

    return feature / hp->head_dim * (hp->head_dim / ROPE_UNIT) + in_head;
}

enum status vk_rope(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct node *node = rec->node;
    const uint32_t lanes = vk->kernels.shape.x[VK_SHADER_ROPE];
    const uint32_t scaled = node->rows / ROPE_UNIT;
    const uint32_t units = scaled + (rec->fused ? rec->fused->rows / ROPE_UNIT : 0);
    struct push_rope push = {
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

    if (rec->hook) {
        const struct hook_data *data = &rec->hook->data;
        push.unit0 = unit_of(hp, rec->hook->point == HOOK_OPERAND ? data->k : data->row);
        push.units = push.unit0 + 1;
    }
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_ROPE, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->memory.rope, vk->memory.columns},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {rec->hook ? 1 : vk_ceil(units, lanes), rec->slots, 1}};
    return vk_dispatch(rec, &d);
}

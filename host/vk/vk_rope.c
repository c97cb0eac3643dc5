/* SPDX-License-Identifier: MIT */
/* ROPE: eight features per invocation; q and k together, and with STORE, where nothing forbids it.
 */
#include "shared/push_fused.h"
#include "vk/vk_fuse.h"
#include "vk/vk_ops.h"

#define ROPE_UNIT 8u

static enum status rotate_and_store(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct vk_kv *kv = &vk->kv;
    const struct node *node = rec->node;
    const uint32_t lanes = vk->kernels.shape.x[VK_SHADER_FUSED_ROPE];
    const uint32_t scaled = node->rows / ROPE_UNIT, one = node[1].rows / ROPE_UNIT;
    const struct push_fused_rope push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .v = rec->src2.at,
        .v_stride = rec->src2.stride,
        .table = node->table * vk->memory.rope_table,
        .units = scaled + one,
        .all = scaled + 2 * one,
        .head_dim = hp->head_dim,
        .rope_dim = hp->rope_dim,
        .neox = hp->rope_neox,
        .scale = node->scale == 0 ? 0 : lang_bits(node->scale),
        .scaled = scaled,
        .row = kv->row,
        .values = kv->values,
        .table_words = node->layer * kv->stride,
    };
    const struct vk_dispatch d = {.key = {.shader = VK_SHADER_FUSED_ROPE},
                                  .buffers = {vk->memory.work, vk->memory.work, vk->memory.rope,
                                              vk->memory.columns, kv->pages[node->layer]},
                                  .push = &push,
                                  .push_size = sizeof(push),
                                  .groups = {order_ceil(push.all, lanes), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

enum status vk_rope(const struct vk_rec *rec)
{
    if (rec->fusion & VK_FUSE_STORE)
        return rotate_and_store(rec);
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct node *node = rec->node;
    const uint32_t lanes = vk->kernels.shape.x[VK_SHADER_ROPE];
    const uint32_t scaled = node->rows / ROPE_UNIT;
    const uint32_t units = scaled + (rec->fusion ? node[1].rows / ROPE_UNIT : 0);
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

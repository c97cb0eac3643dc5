/* SPDX-License-Identifier: MIT */
/* HEADS: four features of a head per invocation. */
#include "vk/vk_ops.h"

enum status vk_heads(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct node *node = rec->node;
    const struct vk_patch *patch = rec->patch;
    const uint32_t head0 = patch ? patch->row / hp->head_dim : 0;
    const uint32_t end = patch ? order_ceil(patch->row_end, hp->head_dim) : hp->n_head;
    const uint32_t row = rec->slot0 - rec->score_slot0;
    const struct push_heads push = {
        .src = rec->src.at + row * rec->src.stride,
        .src_stride = rec->src.stride,
        .head_stride = vk->memory.score_stride / 4,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .row = vk->kv.row,
        .values = vk->kv.values,
        .table_words = node->layer * vk->kv.stride,
        .head_dim = hp->head_dim,
        .group = hp->n_head / hp->n_head_kv,
        .window = node->window,
        .head0 = head0,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_HEADS, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->kv.pages[node->layer],
                    vk->memory.columns},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(hp->head_dim / 4, vk->kernels.shape.x[VK_SHADER_HEADS]), end - head0,
                   rec->slots}};

    return vk_dispatch(rec, &d);
}

/* SPDX-License-Identifier: MIT */
/* SCORES: a few key positions per invocation, over all positions up to the columns' last; with
 * SOFTMAX and HEADS, a workgroup for each head of each column. */
#include "shared/push_fused.h"
#include "vk/vk_fuse.h"
#include "vk/vk_ops.h"

/* Bits of the reciprocal of the limit of scores. */
static uint32_t reciprocal_of(const struct node *node)
{
    return node->cap != 0 ? lang_bits(1 / node->cap) : 0;
}

static enum status attend(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct push_fused_attention push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .row = vk->kv.row,
        .values = vk->kv.values,
        .table_words = rec->node->layer * vk->kv.stride,
        .head_dim = hp->head_dim,
        .group = hp->n_head / hp->n_head_kv,
        .window = rec->node->window,
        .cap = lang_bits(rec->node->cap),
        .reciprocal = reciprocal_of(rec->node),
        .slot0 = rec->slot0,
    };
    const bool capped = rec->node->cap != 0;
    const struct vk_dispatch d = {.key = {.shader = VK_SHADER_FUSED_ATTENTION, .capped = capped},
                                  .buffers = {vk->memory.work, vk->memory.work,
                                              vk->kv.pages[rec->node->layer], vk->memory.columns},
                                  .push = &push,
                                  .push_size = sizeof(push),
                                  .groups = {hp->n_head, rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

enum status vk_scores(const struct vk_rec *rec)
{
    if (rec->fusion & VK_FUSE_ATTENTION)
        return attend(rec);
    const struct vk *vk = rec->vk;
    const struct hparams *hp = vk_hparams(vk);
    const struct node *node = rec->node;
    const struct vk_patch *patch = rec->patch;
    const uint32_t key0 = patch ? patch->key : 0, all = rec->last_position + 1;
    const uint32_t key_end = patch && patch->key_end != UINT32_MAX ? patch->key_end : all;
    const uint32_t keys = vk->kernels.shape.x[VK_SHADER_SCORES] * vk->kernels.shape.keys;
    const uint32_t row = rec->slot0 - rec->score_slot0;
    const struct push_scores push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .dst_words = (rec->dst.at + row * rec->dst.stride) * 4,
        .dst_stride_words = rec->dst.stride * 4,
        .head_words = vk->memory.score_stride,
        .row = vk->kv.row,
        .table_words = node->layer * vk->kv.stride,
        .head_dim = hp->head_dim,
        .group = hp->n_head / hp->n_head_kv,
        .window = node->window,
        .key0 = key0,
        .head0 = patch ? patch->row : 0,
        .slot0 = rec->slot0,
        .cap = lang_bits(node->cap),
        .reciprocal = reciprocal_of(node),
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_SCORES, .capped = node->cap != 0, .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->kv.pages[node->layer],
                    vk->memory.columns},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(key_end - key0, keys),
                   patch ? patch->row_end - patch->row : hp->n_head, rec->slots}};

    return vk_dispatch(rec, &d);
}

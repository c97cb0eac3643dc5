/* SPDX-License-Identifier: MIT */
/* NORM and LAYER_NORM: a workgroup for each group of each column. */
#include "vk/vk_ops.h"

enum status vk_norm(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct node *node = rec->node;
    const struct vk_weight *gain = &vk->weights.weights[node->weight->index];
    const struct push_norm push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .dst = rec->dst.at,
        .dst_stride = rec->dst.stride,
        .gain = gain->at,
        .bias = node->bias ? vk->weights.weights[node->bias->index].at : 0,
        .width = node->width,
        .inv_width = 1.0f / (float)node->width,
        .eps = vk_hparams(vk)->norm_eps,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = node->bias ? VK_SHADER_NORM_LAYER : VK_SHADER_NORM,
                .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->weights.slabs[gain->slab]},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {node->groups, rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

/* SPDX-License-Identifier: MIT */
/* STORE: K and V of the columns into their pages. */
#include "vk/vk_ops.h"

enum status vk_store(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct vk_kv *kv = &vk->kv;
    const struct push_store push = {
        .k = rec->src.at,
        .v = rec->src2.at,
        .stride = rec->src.stride,
        .row = kv->row,
        .values = kv->values,
        .table_words = rec->node->layer * kv->stride,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_STORE},
        .buffers = {kv->pages[rec->node->layer], vk->memory.work, vk->memory.columns},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(kv->row, vk->kernels.shape.x[VK_SHADER_STORE]), rec->slots, 1}};

    return vk_dispatch(rec, &d);
}

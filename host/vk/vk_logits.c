/* SPDX-License-Identifier: MIT */
/* Digests of rows of logits, and their features if asked for: strips first, then rows. */
#include "vk/vk_ops.h"

enum status vk_logits(const struct vk_rec *rec, uint32_t row0, bool features)
{
    const struct vk *vk = rec->vk;
    struct push_logits push = {
        .src = rec->src.at,
        .src_stride = rec->src.stride,
        .count = rec->node->rows,
        .strip = vk->memory.strip,
        .strips = vk->memory.strips,
        .row0 = row0,
    };
    struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_LOGITS},
        .buffers = {vk->memory.strips_of_rows, vk->memory.results, vk->memory.work},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(push.strips, vk->kernels.shape.x[VK_SHADER_LOGITS]), rec->slots, 1}};
    enum status st = vk_dispatch(rec, &d);

    if (!st && features)
        st = vk_features(rec, row0, false);
    if (st)
        return st;
    stream_barrier(vk->stream);
    if (features)
        st = vk_features(rec, row0, true);
    push.stage = 1;
    d.groups[0] = 1;
    return st ? st : vk_dispatch(rec, &d);
}

/* SPDX-License-Identifier: MIT */
/* EMBED: one dispatch per buffer of the table. */
#include "vk/vk_ops.h"

#define EMBED_LANES 8u /* workgroup of embed.comp */

enum status vk_embed(const struct vk_rec *rec)
{
    const struct vk *vk = rec->vk;
    const struct vk_matrix *m = vk->weights.weights[rec->node->weight->index].matrix;
    const float scale = rec->node->scale;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < m->n_parts && !st; i++) {
        const struct vk_part *part = &m->parts[i];
        const struct push_embed push = {.tile0 = part->at,
                                        .tile_size = m->pack.size,
                                        .row0 = part->tile0 * TILE_ROWS,
                                        .rows = part->tiles * TILE_ROWS,
                                        .blocks = m->pack.blocks,
                                        .quads = order_ceil(rec->node->width, 4),
                                        .dst = rec->dst.at,
                                        .dst_stride = rec->dst.stride,
                                        .scale = scale == 0 ? 0 : lang_bits(scale),
                                        .slot0 = rec->slot0,
                                        .hook = rec->hook_index};
        const struct vk_dispatch d = {
            .key = {.shader = VK_SHADER_EMBED, .type = m->pack.type, .point = vk_rec_point(rec)},
            .buffers = {vk->memory.work, vk->weights.slabs[part->slab], vk->memory.columns},
            .push = &push,
            .push_size = sizeof(push),
            .groups = {order_ceil(m->pack.blocks, EMBED_LANES), rec->slots, 1}};
        st = vk_dispatch(rec, &d);
    }
    return st;
}

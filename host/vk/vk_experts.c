/* SPDX-License-Identifier: MIT */
/* EXPERTS: the rows of all groups of the columns, buffer by buffer of the experts' matrices. */
#include "vk/vk_ops.h"

/* Tiles of a dispatch: of a column's groups, or (a form for several columns) of an expert. */
struct span {
    uint32_t first, n;
    uint32_t form;
};

static enum status record(const struct vk_rec *rec, const struct vk_part *part, struct span span)
{
    const struct vk *vk = rec->vk;
    const struct node *node = rec->node;
    const struct vk_matrix *m = vk->weights.plan[rec->index].matrix;
    const struct vk_part_of outside = vk_linear_outside(rec, &rec->dst, rec->slot0);
    const struct push_experts push = {
        .src_stride = rec->src.stride,
        .in_quads = node->in_step / 4,
        .dst = rec->dst.at - (uint32_t)outside.at,
        .dst_stride = rec->dst.stride,
        .chosen = rec->src2.at - (uint32_t)outside.at,
        .chosen_stride = rec->src2.stride,
        .tile0 = part->at,
        .tile_size = m->pack.size,
        .first = part->tile0,
        .tiles = part->tiles,
        .group_tiles = node->rows / node->groups / TILE_ROWS,
        .groups = node->groups,
        .pairs = rec->slots * node->groups,
        .blocks = m->pack.blocks,
        .x0 = span.first,
        .slot0 = rec->slot0,
        .hook = rec->hook_index,
    };
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_EXPERTS,
                .type = m->pack.type,
                .form = span.form,
                .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->weights.slabs[part->slab]},
        .parts = {outside, vk_linear_inside(rec)},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {span.n, span.form == 0 ? rec->slots : vk_hparams(vk)->n_expert, 1}};

    return vk_dispatch(rec, &d);
}

/* The form for as many columns as choose an expert on average; one where hardly any share one. */
static uint32_t form_of(const struct vk_rec *rec)
{
    const struct vk_shape *shape = &rec->vk->kernels.shape;
    const uint32_t pairs = rec->slots * rec->node->groups;
    const uint32_t each = order_ceil(pairs, vk_hparams(rec->vk)->n_expert);

    return rec->slots == 1 || rec->patch ? 0 : vk_linear_form(shape, each);
}

enum status vk_experts(const struct vk_rec *rec)
{
    const struct vk_matrix *m = rec->vk->weights.plan[rec->index].matrix;
    const struct vk_patch *patch = rec->patch;
    const uint32_t form = form_of(rec), groups = form == 0 ? rec->node->groups : 1;
    const uint32_t tiles = rec->node->rows / rec->node->groups / TILE_ROWS * groups;
    const uint32_t begin = patch ? patch->row / TILE_ROWS : 0;
    const uint32_t end = patch ? order_ceil(patch->row_end, TILE_ROWS) : tiles;
    /* as LINEAR: the second half of the tiles goes first */
    const bool rotated = rec->evaluation == guard_evaluation(GUARD_ROTATED) && !patch;
    const uint32_t start = rotated ? begin + (end - begin) / 2 : begin;
    const struct span spans[2] = {{start, end - start, form}, {begin, start - begin, form}};
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t p = 0; p < m->n_parts && spans[i].n > 0 && !st; p++)
            st = record(rec, &m->parts[p], spans[i]);
    }
    return st;
}

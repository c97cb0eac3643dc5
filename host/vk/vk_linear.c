/* SPDX-License-Identifier: MIT */
/* LINEAR: the rows of one node, or of several that share a matrix, buffer by buffer. */
#include "vk/vk_fuse.h"
#include "vk/vk_ops.h"

/* Tiles [tile0, tile0 + tiles) of one part, for columns in groups of the kernel's width. */
struct run {
    const struct vk_part *part;
    uint32_t tile0, tiles;
    uint32_t row0, rows; /* of the node: first row of tile0, all rows */
    uint32_t slot0, slots;
    uint32_t form;
};

struct vk_part_of vk_linear_outside(const struct vk_rec *rec, const struct vk_reg *dst,
                                    uint32_t slot)
{
    const struct vk_memory *m = &rec->vk->memory;
    const uint64_t end = vk_reg_end(m, rec->node->in);

    if (dst->at + slot * dst->stride < end)
        return (struct vk_part_of){0, m->reg[rec->node->in].at};
    return (struct vk_part_of){end, gpu_buffer_size(m->work) / VK_QUAD - end};
}

struct vk_part_of vk_linear_inside(const struct vk_rec *rec)
{
    return (struct vk_part_of){rec->src.at,
                               vk_reg_end(&rec->vk->memory, rec->node->in) - rec->src.at};
}

/* What follows in the dispatch; `base`: the quad where the results' binding starts. */
static uint32_t set_next(struct push_linear *push, const struct vk_rec *rec, uint32_t base)
{
    const struct vk *vk = rec->vk;
    const struct node *last = rec->node + rec->nodes - 1;
    const bool norm = rec->fusion & VK_FUSE_NORM;

    if (!norm && !(rec->fusion & VK_FUSE_GATE))
        return NEXT_NONE;
    push->counters = vk->memory.counters[norm ? 0 : 1] - base;
    push->next = rec->next.at - base;
    push->next_stride = rec->next.stride;
    push->up = rec->node->rows / 4;
    push->fn = vk_hparams(vk)->activation;
    if (!norm)
        return NEXT_GATE;
    push->gain = vk->weights.weights[last->weight->index].at;
    push->inv_width = 1.0f / (float)last->width;
    push->eps = vk_hparams(vk)->norm_eps;
    return NEXT_NORM;
}

static enum status record(const struct vk_rec *rec, const struct vk_matrix *m,
                          const struct run *run)
{
    const struct vk *vk = rec->vk;
    const struct vk_form *form = &vk->kernels.shape.forms[run->form];
    const bool adds = rec->fusion & VK_FUSE_ADD;
    const struct vk_reg *dst = adds ? &rec->sum : &rec->dst;
    const struct vk_part_of outside = vk_linear_outside(rec, dst, run->slot0);
    struct push_linear push = {
        .src_stride = rec->src.stride,
        .dst = dst->at - (uint32_t)outside.at,
        .dst_stride = dst->stride,
        .tile0 = run->part->at + (run->tile0 - run->part->tile0) * m->pack.size,
        .tile_size = m->pack.size,
        .tiles = run->tiles,
        .blocks = m->pack.blocks,
        .row0 = run->row0,
        .rows = run->rows,
        .bias = m->pack.bias_at,
        .residual = adds ? rec->src2.at - (uint32_t)outside.at : 0,
        .residual_stride = adds ? rec->src2.stride : 0,
        .keep = rec->dst.at - (uint32_t)outside.at,
        .keep_stride = rec->dst.stride,
        .cap = lang_bits(rec->node->cap),
        .reciprocal = rec->node->cap != 0 ? lang_bits(1 / rec->node->cap) : 0,
        .slot0 = run->slot0,
        .hook = rec->hook_index,
    };
    const uint32_t next = set_next(&push, rec, (uint32_t)outside.at);
    const struct vk_dispatch d = {
        .key = {.shader = VK_SHADER_LINEAR,
                .next = next,
                .type = m->pack.type,
                .form = run->form,
                .unrounded = graph_reg_wide(rec->node->out),
                .keeps = rec->keeps,
                .capped = rec->node->cap != 0,
                .point = vk_rec_point(rec)},
        .buffers = {vk->memory.work, vk->memory.work, vk->weights.slabs[run->part->slab]},
        .parts = {outside, vk_linear_inside(rec)},
        .push = &push,
        .push_size = sizeof(push),
        .groups = {order_ceil(run->tiles, form->tiles), order_ceil(run->slots, form->columns), 1}};

    return vk_dispatch(rec, &d);
}

uint32_t vk_linear_form(const struct vk_shape *shape, uint32_t slots)
{
    uint32_t form = VK_FORMS - 1;

    while (form > 0 && (shape->forms[form].columns == 0 || slots <= shape->forms[form].columns / 2))
        form--;
    return form;
}

/* All columns, in groups of the forms' widths. Registers have rows for whole groups. */
static enum status record_columns(const struct vk_rec *rec, const struct vk_matrix *m,
                                  struct run run)
{
    const struct vk_shape *shape = &rec->vk->kernels.shape;
    enum status st = STATUS_OK;

    for (uint32_t done = 0; done < rec->slots && !st; done += run.slots) {
        const uint32_t left = rec->slots - done;
        run.form = vk_linear_form(shape, left);
        const uint32_t columns = shape->forms[run.form].columns;
        run.slot0 = rec->slot0 + done;
        run.slots = left < columns ? left : left / columns * columns;
        st = record(rec, m, &run);
    }
    return st;
}

/* Rows of the node that have to be computed. */
static void row_range(const struct vk_rec *rec, uint32_t rows, uint32_t *first, uint32_t *count)
{
    *first = rec->patch ? rec->patch->row / TILE_ROWS * TILE_ROWS : 0;
    *count = (rec->patch ? rec->patch->row_end : rows) - *first;
}

/* Tiles [tile, end) of the matrix: rows from `base` on are the node's. */
struct tiles {
    uint32_t base, tile, end;
    uint32_t rows; /* of the node, or of all that are merged */
};

static enum status record_tiles(const struct vk_rec *rec, const struct vk_matrix *m,
                                struct tiles tiles)
{
    enum status st = STATUS_OK;

    while (tiles.tile < tiles.end && !st) {
        struct run run = {.part = vk_weights_part(m, tiles.tile),
                          .tile0 = tiles.tile,
                          .row0 = (tiles.tile - tiles.base) * TILE_ROWS,
                          .rows = tiles.rows,
                          .slot0 = rec->slot0,
                          .slots = rec->slots};
        const uint32_t part_end = run.part->tile0 + run.part->tiles;
        run.tiles = (part_end < tiles.end ? part_end : tiles.end) - tiles.tile;
        st = rec->patch ? record(rec, m, &run) : record_columns(rec, m, run);
        tiles.tile += run.tiles;
    }
    return st;
}

/* The column and its twin as two columns: of the same inputs, with rows where the twin's go. */
static struct vk_rec double_columns(const struct vk_rec *rec)
{
    struct vk_rec both = *rec;

    both.src.at += rec->slot0 * rec->src.stride;
    both.src.stride = 0;
    both.dst.at += rec->slot0 * rec->dst.stride;
    both.dst.stride *= vk_twin_row(&rec->vk->memory, rec->node->out);
    both.slot0 = 0;
    both.slots = 2;
    return both;
}

enum status vk_linear(const struct vk_rec *given)
{
    const bool doubled = given->doubled && !given->patch && given->evaluation == 0;
    const struct vk_rec both = double_columns(given), *rec = doubled ? &both : given;
    const struct vk_linear_plan *plan = &rec->vk->weights.plan[rec->index];
    const struct vk_matrix *m = plan->matrix;
    uint32_t rows = rec->node->rows, first, count;

    for (uint32_t i = 1; i < plan->merged && !rec->patch && rec->evaluation == 0; i++)
        rows += rec->node[i].rows;
    row_range(rec, rows, &first, &count);
    const uint32_t base = plan->row0 / TILE_ROWS;
    const uint32_t begin = base + first / TILE_ROWS;
    const uint32_t end = base + order_ceil(first + count, TILE_ROWS);
    /* the second half of the tiles goes first, with no barrier before the other: another order of
     * workgroups */
    const bool rotated = rec->evaluation == guard_evaluation(GUARD_ROTATED) && !rec->patch;
    const uint32_t start = rotated ? begin + (end - begin) / 2 : begin;
    const enum status st = record_tiles(rec, m, (struct tiles){base, start, end, rows});
    return st ? st : record_tiles(rec, m, (struct tiles){base, begin, start, rows});
}

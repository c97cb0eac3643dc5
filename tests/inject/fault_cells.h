/* SPDX-License-Identifier: MIT */
/* Draws faults over all cells (site of a layer, point, field, kind), each with random granularity,
 * readers, duration, stage, ranges and condition, most coordinates at edges.
 *
 * Everything comes from the tables: a new point, kind or granularity is drawn by itself. */
#ifndef VKFI_TESTS_FAULT_CELLS_H
#define VKFI_TESTS_FAULT_CELLS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/mute.h"
#include "base/arena.h"
#include "base/rng.h"
#include "inject/space/fault.h"
#include "inject/space/widen.h"
#include "model/op.h"
#include "shared/order.h"

#define FAULT_CELLS_TRIES 400u /* after this many misses a cell does not exist */
#define FAULT_CELLS_STORED                                                                         \
    512u /* most stored elements struck at once: each is read, written and read again */

struct fault_cell {
    uint32_t site; /* of struct fault_cells */
    uint32_t point;
    enum quant_field field;
    enum kind kind;
};

/* Sites of one name, whatever the layer: "attn_q", "attn_q.weight", "kv_k", "control.slot". */
struct fault_cells_site {
    const char *last; /* part of the name after the layer, or the whole name */
    bool layered;
};

struct fault_cells {
    const struct fault_bounds *bounds; /* borrowed; bounds->positions: one past the last that may
                                          be struck */
    uint32_t n_evaluated;              /* positions of the golden run */
    uint64_t seed;
    struct fault_cells_site *site; /* (n_sites) */
    uint32_t n_sites;
    struct fault_cell *cell; /* (count) in the seed's order */
    uint32_t count;
    struct arena arena;
};

static inline uint32_t fault_cells_below(struct rng *rng, uint32_t n)
{
    return (uint32_t)rng_below(rng, n);
}

static inline bool fault_cells_one_in(struct rng *rng, uint32_t n)
{
    return rng_below(rng, n) == 0;
}

/* First, last, first or last of a quad, a chain, a block, a page or a unit; else any below n. */
static inline uint32_t fault_cells_edge(struct rng *rng, uint32_t n, uint32_t unit)
{
    const uint32_t units[] = {4, 8, 16, 32, 256, unit ? unit : 32};
    if (n <= 1)
        return 0;
    const uint32_t size = units[fault_cells_below(rng, sizeof(units) / sizeof(*units))];
    const uint32_t first = fault_cells_below(rng, (n + size - 1) / size) * size;
    const uint32_t end = n - first < size ? n : first + size;
    const uint32_t choices[] = {0, n - 1, first, end - 1, fault_cells_below(rng, n)};
    return choices[fault_cells_below(rng, sizeof(choices) / sizeof(*choices))];
}

/* A position of the stage: its first or last, the prompt's last, one at the edge of a window, page
 * or chunk, or one that no run reaches. */
static inline uint32_t fault_cells_position(struct rng *rng, const struct fault_cells *c,
                                            enum stage stage, uint32_t unit)
{
    const uint32_t prompt = c->bounds->n_prompt, window = c->bounds->model->hp.window;
    const struct widen_span span = widen_stage(stage, prompt);
    const uint32_t end = span.end < c->n_evaluated ? span.end : c->n_evaluated;
    const uint32_t n = end > span.first ? end - span.first : 1;
    const uint32_t beyond = c->bounds->positions - 1;
    const uint32_t choices[] = {
        span.first,
        span.first + n - 1,
        prompt - 1,
        prompt,
        span.first + fault_cells_edge(rng, n, unit),
        fault_cells_edge(rng, c->n_evaluated, unit),
        window + fault_cells_below(rng, 3) - (window > 0),
        span.first + fault_cells_below(rng, n),
        span.first + fault_cells_below(rng, n),
        span.first + fault_cells_below(rng, n),
    };
    const uint32_t position = choices[fault_cells_below(rng, sizeof(choices) / sizeof(*choices))];
    return fault_cells_one_in(rng, 40) || position > beyond ? beyond : position;
}

/* A key that a position sees, or one that it does not see any more. */
static inline uint32_t fault_cells_key(struct rng *rng, uint32_t position, uint32_t window)
{
    const uint32_t first = order_first_key(position, window), n = position - first + 1;
    const uint32_t last_of_quad = position / 4 * 4;
    const uint32_t choices[] = {
        0,
        first,
        first + (n > 1),
        position,
        position - (n > 1),
        last_of_quad - (last_of_quad > first),
        position / 32 * 32 - (position / 32 * 32 > first),
        first + fault_cells_edge(rng, n, 32),
        first + fault_cells_below(rng, n),
        first + fault_cells_below(rng, n),
    };
    return choices[fault_cells_below(rng, sizeof(choices) / sizeof(*choices))];
}

/* Values of the coordinates; 0: the site has none. */
struct fault_cells_extent {
    uint32_t rows, ks, unit, window;
    bool keyed;
};

static inline struct fault_cells_extent fault_cells_extent(const struct fault *f,
                                                           const struct fault_bounds *bounds)
{
    const struct hparams *hp = &bounds->model->hp;
    struct fault_cells_extent e = {.unit = hp->head_dim};
    if (f->place == PLACE_WEIGHT) {
        e.rows = (uint32_t)(f->tensor->dim[1] * f->tensor->dim[2] * f->tensor->dim[3]);
        e.ks = (uint32_t)f->tensor->dim[0];
    } else if (f->place == PLACE_KV) {
        e.ks = hp->n_head_kv * hp->head_dim;
        e.keyed = true;
    } else if (f->place == PLACE_TABLE) {
        e.rows = bounds->positions;
        e.ks = hp->rope_dim;
    } else if (f->place == PLACE_OP) {
        const struct node *node = &bounds->model->graph.node[f->node];
        struct op_point c = {0};
        if (op_point(&c, node, f->point))
            e = (struct fault_cells_extent){c.rows, c.ks, hp->head_dim, node->window, c.keyed};
        if (node->op == OP_LINEAR && f->point == HOOK_OPERAND && f->readers != READERS_ALL)
            e.rows = node->rows; /* outputs that read it */
    }
    return e;
}

/* A mask, number or bits of the fault's width. */
static inline void fault_cells_bits(struct fault *f, struct rng *rng,
                                    const struct fault_bounds *bounds)
{
    static const uint32_t numbers[] = {0x00000000, 0x80000000, 0x3fc00000, 0xbf000000,
                                       0x7f7fffff, 0x7f800000, 0x7fc00000, 0x00800000};
    const uint32_t width = fault_width(f, bounds), all = width ? UINT32_MAX >> (32 - width) : 1;
    const uint32_t bit = 1u << fault_cells_below(rng, width ? width : 1);
    const uint32_t masks[] = {
        bit, bit, bit, all, 1u << (width ? width - 1 : 0), 1u, (rng_u32(rng) & all) | bit};
    const bool masked = hook_kinds_takes(f->kind, KIND_TAKES_MASK),
               value = hook_kinds_takes(f->kind, KIND_TAKES_VALUE),
               range = hook_kinds_takes(f->kind, KIND_TAKES_RANGE);
    const uint32_t number = numbers[fault_cells_below(rng, sizeof(numbers) / sizeof(*numbers))];
    f->mask = masked ? masks[fault_cells_below(rng, sizeof(masks) / sizeof(*masks))] : 0;
    f->value = f->kind == KIND_SET ? rng_u32(rng) & all : value ? number : 0;
    if (f->kind == KIND_SET && fault_cells_one_in(rng, 4)) /* NaN with a payload, in every format */
        f->value |= (width == 32 ? 0x7f800000 : width == 16 ? 0x7f80 : 0);
    f->low = range ? 0xbdcccccd : 0;
    f->high = range ? 0x3dcccccd : 0;
    if (f->place == PLACE_CONTROL && f->kind == KIND_SET && !fault_cells_one_in(rng, 4))
        f->value = fault_cells_below(rng, f->position + 2);
    if (fault_cells_one_in(rng, 6)) {
        f->only_mask = 1u << fault_cells_below(rng, width ? width : 1);
        f->only_value = fault_cells_one_in(rng, 2) ? f->only_mask : 0;
    }
    f->key_low = rng_u32(rng);
    f->key_high = rng_u32(rng);
}

/* Explicit ranges, in place of those of a granularity. */
static inline void fault_cells_ranges(struct fault *f, struct rng *rng,
                                      const struct fault_cells_extent *e, struct fault_axes axes)
{
    f->granularity = GRANULARITY_ELEMENT;
    if (e->rows > f->row + 1 && fault_cells_one_in(rng, 2)) {
        f->row_step = axes.row.unit * (1 + fault_cells_below(rng, 3) * fault_cells_below(rng, 20));
        f->row_count = 1 + fault_cells_below(rng, (e->rows - f->row - 1) / f->row_step + 1);
    }
    if (e->ks > f->k + 1 && fault_cells_one_in(rng, 2)) {
        f->k_step = axes.k.unit * (1 + fault_cells_below(rng, 3));
        f->k_count = 1 + fault_cells_below(rng, (e->ks - f->k - 1) / f->k_step + 1);
    }
    if (e->keyed && f->key < f->position)
        f->key_count = 1 + fault_cells_below(rng, f->position - f->key + 1);
    if (e->keyed && fault_cells_one_in(rng, 5)) {
        f->key = 0;
        f->key_count = FAULT_ALL_KEYS;
    }
    if (fault_cells_one_in(rng, 2))
        f->position_count = 2 + fault_cells_below(rng, 5);
}

/* Words of the tables for the place and point. */
static inline void fault_cells_words(struct fault *f, struct rng *rng)
{
    const bool memory = f->place == PLACE_WEIGHT || f->place == PLACE_KV || f->place == PLACE_TABLE;
    do
        f->duration = (enum duration)fault_cells_below(rng, DURATION_COUNT);
    while ((f->duration == DURATION_PERSISTENT) != memory);
    f->rate = 0;
    if (f->duration == DURATION_INTERMITTENT)
        f->rate = fault_cells_one_in(rng, 3) ? 0xc0000000 : 0x20000000;
    f->granularity = (enum granularity)fault_cells_below(rng, GRANULARITY_COUNT);
    f->readers = f->point == HOOK_OPERAND ? READERS_ALL : READERS_COLUMN;
    const bool read = f->place == PLACE_OP && (f->point == HOOK_OPERAND || f->point == HOOK_WEIGHT);
    while (read && !fault_cells_one_in(rng, 3)) {
        f->readers = (enum readers)fault_cells_below(rng, READERS_COUNT);
        if ((f->readers >= READERS_ROW) == (f->point == HOOK_OPERAND))
            return;
    }
    if (read)
        f->readers = f->point == HOOK_OPERAND ? READERS_ALL : READERS_COLUMN;
}

/* `from`: on its axis, edges, and keys that the window has passed. */
static inline void fault_cells_from(struct fault *f, struct rng *rng,
                                    const struct fault_bounds *bounds,
                                    const struct fault_cells_extent *e)
{
    const bool write = f->kind == KIND_WRONG_WRITE;
    const enum tap_from axis = write ? TAP_FROM_ROW : fault_from(f, bounds);
    if (!hook_kinds_takes(f->kind, KIND_TAKES_OTHER))
        return;
    if (axis == TAP_FROM_KEY)
        f->from = fault_cells_key(rng, f->position, e->window);
    else
        f->from = fault_cells_edge(rng, axis == TAP_FROM_ROW ? e->rows : e->ks, e->unit);
}

/* The site in a layer: the first, the last, or any. */
static inline bool fault_cells_place(struct fault *f, struct rng *rng, const struct fault_cells *c,
                                     const struct fault_cell *cell)
{
    const struct fault_cells_site *site = &c->site[cell->site];
    const uint32_t layers = c->bounds->model->hp.n_layers;
    const uint32_t choices[] = {0, layers - 1, fault_cells_below(rng, layers)};
    char name[FAULT_SITE_TEXT];
    if (site->layered)
        snprintf(name, sizeof(name), "blk.%u.%s", choices[fault_cells_below(rng, 3)], site->last);
    else
        snprintf(name, sizeof(name), "%s", site->last);
    *f = (struct fault){.layer = GRAPH_NO_LAYER};
    if (!fault_find(f, c->bounds->model, name))
        return false;
    /* names of the model outlive this one */
    f->site = f->place == PLACE_OP ? c->bounds->model->graph.node[f->node].site
              : f->tensor          ? f->tensor->name
                                   : site->last;
    f->point = cell->point;
    f->field = cell->field;
    f->kind = cell->kind;
    return true;
}

/* One try; what comes out need not be valid. */
static inline bool fault_cells_try(struct fault *f, struct rng *rng, const struct fault_cells *c,
                                   const struct fault_cell *cell)
{
    static const uint32_t lanes[] = {0, 1, 2, 3, 7, 32}, tiles[] = {0, 1, 5, 16},
                          chunks[] = {0, 1, 4, 5, 32};
    const struct widen w = {.lanes = lanes[fault_cells_below(rng, 6)],
                            .tile = tiles[fault_cells_below(rng, 4)],
                            .chunk = chunks[fault_cells_below(rng, 5)]};
    const enum stage stage = (enum stage)fault_cells_below(rng, STAGE_COUNT);
    if (!fault_cells_place(f, rng, c, cell))
        return false;
    fault_cells_words(f, rng);
    const struct fault_cells_extent e = fault_cells_extent(f, c->bounds);
    f->position = fault_cells_position(rng, c, stage, w.chunk);
    f->row = e.rows ? fault_cells_edge(rng, e.rows, e.unit) : 0;
    f->k = e.ks ? fault_cells_edge(rng, e.ks, e.unit) : 0;
    if (f->place == PLACE_TABLE && !fault_cells_one_in(rng, 4))
        f->row = fault_cells_edge(rng, c->n_evaluated, e.unit);
    if (e.keyed && f->place == PLACE_OP)
        f->key = fault_cells_key(rng, f->position, e.window);
    else if (e.keyed)
        f->key = f->position > 0 ? fault_cells_key(rng, f->position - 1, e.window) : 0;
    fault_cells_bits(f, rng, c->bounds);
    widen_fault(f, c->bounds, &w, stage);
    if (fault_cells_one_in(rng, 4))
        fault_cells_ranges(f, rng, &e, fault_axes(f, c->bounds));
    else if (f->duration == DURATION_PERSISTENT && fault_cells_one_in(rng, 2))
        f->position_count = 1 + fault_cells_below(rng, 9); /* scrubbed */
    fault_cells_from(f, rng, c->bounds, &e);
    if (f->duration == DURATION_PERSISTENT &&
        (uint64_t)f->row_count * f->k_count > FAULT_CELLS_STORED)
        return false;
    return fault_check(f, c->bounds, "drawn fault") == STATUS_OK;
}

/* Fault `id` of a cell; false: the cell does not exist. */
static inline bool fault_cells_of(struct fault *out, const struct fault_cells *c,
                                  const struct fault_cell *cell, uint64_t id)
{
    struct rng rng;
    rng_init(&rng, c->seed, id);
    for (uint32_t i = 0; i < FAULT_CELLS_TRIES; i++) {
        if (fault_cells_try(out, &rng, c, cell))
            return true;
    }
    return false;
}

/* Fault `id` of the seed: all cells come once before any comes again. */
static inline void fault_cells_draw(struct fault *out, const struct fault_cells *c, uint64_t id)
{
    const int kept = mute_begin();
    const bool found = fault_cells_of(out, c, &c->cell[id % c->count], id);
    mute_end(kept);
    if (!found)
        abort();
}

static inline void fault_cells_add_site(struct fault_cells *c, const char *name)
{
    uint32_t layer;
    int length = 0;
    const bool layered = sscanf(name, "blk.%9u.%n", &layer, &length) == 1 && length > 0;
    const char *last = layered ? name + length : name;
    for (uint32_t i = 0; i < c->n_sites; i++) {
        if (c->site[i].layered == layered && strcmp(c->site[i].last, last) == 0)
            return;
    }
    c->site[c->n_sites++] = (struct fault_cells_site){last, layered};
}

static inline void fault_cells_sites(struct fault_cells *c)
{
    static const char *const others[] = {"blk.0.kv_k", "blk.0.kv_v", "rope", "rope_local"};
    const struct graph *graph = &c->bounds->model->graph;
    c->site = arena_array(&c->arena, 3 * graph->count + 16, sizeof(*c->site));
    if (!c->site)
        abort();
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        fault_cells_add_site(c, node->site);
        if (node->weight)
            fault_cells_add_site(c, node->weight->name);
        if (node->bias)
            fault_cells_add_site(c, node->bias->name);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        fault_cells_add_site(c, others[i]);
    for (uint32_t i = 0; i < CONTROL_COUNT; i++) {
        const char *name =
            arena_printf(&c->arena, "control.%s", kinds_text(KINDS_CONTROL, (uint32_t)i));
        fault_cells_add_site(c, name);
    }
}

/* False: the site has no such point or field. */
static inline bool fault_cells_may_be(const struct fault *f, const struct fault_bounds *bounds)
{
    const struct node *node = &bounds->model->graph.node[f->node];
    const struct tensor *weight = f->place == PLACE_WEIGHT                          ? f->tensor
                                  : f->place == PLACE_OP && f->point == HOOK_WEIGHT ? node->weight
                                                                                    : NULL;
    struct op_point c;
    if (f->place == PLACE_OP ? !op_point(&c, node, f->point) : f->point != HOOK_MEM)
        return false;
    return weight ? quant_field_width(weight->type, f->field) > 0 : f->field == QUANT_FIELD_CODE;
}

/* The cells that exist, in the seed's order. */
static inline void fault_cells_list(struct fault_cells *c)
{
    const uint32_t points = kinds_count(KINDS_POINT);
    const size_t most = (size_t)c->n_sites * points * QUANT_FIELD_COUNT * KIND_COUNT;
    struct fault fault;
    struct rng rng;
    c->cell = arena_array(&c->arena, most, sizeof(*c->cell));
    if (!c->cell)
        abort();
    for (size_t i = 0; i < most; i++) {
        const struct fault_cell cell = {
            .site = (uint32_t)(i / KIND_COUNT / QUANT_FIELD_COUNT / points),
            .point = (uint32_t)(i / KIND_COUNT / QUANT_FIELD_COUNT % points),
            .field = (enum quant_field)(i / KIND_COUNT % QUANT_FIELD_COUNT),
            .kind = (enum kind)(i % KIND_COUNT)};
        rng_init(&rng, 0, i);
        if (cell.point == HOOK_OFF || !fault_cells_place(&fault, &rng, c, &cell))
            continue;
        if (fault_cells_may_be(&fault, c->bounds) && fault_cells_of(&fault, c, &cell, i))
            c->cell[c->count++] = cell;
    }
    rng_init(&rng, c->seed, UINT64_MAX);
    for (uint32_t i = c->count; i-- > 1;) {
        const uint32_t k = fault_cells_below(&rng, i + 1);
        const struct fault_cell kept = c->cell[i];
        c->cell[i] = c->cell[k];
        c->cell[k] = kept;
    }
}

/* bounds are borrowed. Ended by fault_cells_finish. */
static inline void fault_cells_init(struct fault_cells *out, const struct fault_bounds *bounds,
                                    uint32_t n_evaluated, uint64_t seed)
{
    *out = (struct fault_cells){.bounds = bounds, .n_evaluated = n_evaluated, .seed = seed};
    const int kept = mute_begin();
    fault_cells_sites(out);
    fault_cells_list(out);
    mute_end(kept);
}

static inline void fault_cells_finish(struct fault_cells *c)
{
    arena_finish(&c->arena);
    *c = (struct fault_cells){0};
}

#endif

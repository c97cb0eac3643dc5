/* SPDX-License-Identifier: MIT */
/* Ranges of rows, ks, keys and positions from granularity, readers, duration and stage. */
#include "inject/space/widen.h"

#include "inject/space/coordinates.h"
#include "shared/order.h"

#define WIDEN_LANES 8u
#define WIDEN_TILE 32u
#define WIDEN_CHUNK 512u

/* One coordinate of the point: values 0 .. count - 1 in steps of `unit`; count 0: none. */
struct axis {
    uint32_t *first, *n, *step;
    uint32_t count, unit;
};

struct axes {
    struct axis row, k;
    bool keyed;
};

struct widen_span widen_stage(enum stage stage, uint32_t n_prompt)
{
    switch (stage) {
    case STAGE_PREFILL:
        return (struct widen_span){0, n_prompt - 1};
    case STAGE_FIRST:
        return (struct widen_span){n_prompt - 1, n_prompt};
    case STAGE_DECODE:
        return (struct widen_span){n_prompt, UINT32_MAX};
    default:
        return (struct widen_span){0, UINT32_MAX};
    }
}

enum stage widen_stage_of(uint32_t position, uint32_t n_prompt)
{
    return position + 1 < n_prompt    ? STAGE_PREFILL
           : position + 1 == n_prompt ? STAGE_FIRST
                                      : STAGE_DECODE;
}

static struct axes axes_of(struct fault *fault, const struct fault_bounds *bounds)
{
    const struct model *model = bounds->model;
    const struct hparams *hp = &model->hp;
    struct axes a = {.row = {&fault->row, &fault->row_count, &fault->row_step, 0, 1},
                     .k = {&fault->k, &fault->k_count, &fault->k_step, 0, 1}};
    const struct fault_units units = fault_units(fault, model);
    a.row.unit = units.row;
    a.k.unit = units.k;
    a.keyed = fault_axes(fault, model).key;
    if (fault->place == PLACE_WEIGHT) {
        const struct tensor *t = fault->tensor;
        a.row.count = (uint32_t)(t->dim[1] * t->dim[2] * t->dim[3]);
        a.k.count = (uint32_t)t->dim[0];
    } else if (fault->place == PLACE_KV) {
        a.k.count = hp->n_head_kv * hp->head_dim;
    } else if (fault->place == PLACE_TABLE) {
        a.row.count = bounds->positions;
        a.k.count = hp->rope_dim;
    } else if (fault->place == PLACE_OP) {
        const struct node *node = &model->graph.node[fault->node];
        struct coordinates c = {0};
        coordinates_of(&c, node, fault->point, hp);
        a.row.count = c.rows;
        /* 0 and 1 name an operand of GATE and ADD, not elements */
        a.k.count = node->op == OP_GATE || node->op == OP_ADD ? 0 : c.ks;
        bool sums = fault->point == HOOK_OPERAND || HOOK_IS_SUM(fault->point);
        if ((node->op == OP_NORM && sums) || (node->op == OP_HEADS && fault->point == HOOK_OPERAND))
            a.row.unit = node->width; /* one row stands for its group */
    }
    return a;
}

static void whole(const struct axis *axis)
{
    if (axis->count == 0)
        return;
    *axis->first = 0;
    *axis->step = axis->unit;
    *axis->n = order_ceil(axis->count, axis->unit);
}

/* Elements with the index of the given one modulo `lanes`. */
static void lane(const struct axis *axis, uint32_t lanes)
{
    const uint32_t index = *axis->first / axis->unit, n = axis->count / axis->unit;
    const uint32_t first = index % lanes;
    *axis->first = first * axis->unit;
    *axis->step = lanes * axis->unit;
    *axis->n = order_ceil(n - first, lanes);
}

/* The aligned neighbours of the given element. */
static void tile(const struct axis *axis, uint32_t size)
{
    const uint32_t index = *axis->first / axis->unit, n = axis->count / axis->unit;
    const uint32_t first = index / size * size;
    *axis->first = first * axis->unit;
    *axis->step = axis->unit;
    *axis->n = n - first < size ? n - first : size;
}

static void widen_elements(struct fault *fault, const struct axes *a, const struct widen *w)
{
    const bool stored =
        fault->place == PLACE_WEIGHT || fault->place == PLACE_KV || fault->place == PLACE_TABLE;
    const struct axis *along = a->row.count > 0 && !stored ? &a->row : &a->k;
    const bool all = fault->granularity == GRANULARITY_TENSOR;
    switch (fault->granularity) {
    case GRANULARITY_VECTOR:
    case GRANULARITY_TENSOR:
        if (!stored || all)
            whole(&a->row);
        whole(&a->k);
        if (a->keyed && (all || fault->place == PLACE_OP)) {
            fault->key = 0;
            fault->key_count = FAULT_ALL_KEYS;
        }
        break;
    case GRANULARITY_FEATURE:
        if (stored)
            whole(&a->row);
        if (fault->place == PLACE_KV) {
            fault->key = 0;
            fault->key_count = FAULT_ALL_KEYS;
        }
        break;
    case GRANULARITY_LANE:
    case GRANULARITY_TILE:
        if (along->count > 0 && fault->granularity == GRANULARITY_LANE)
            lane(along, w->lanes ? w->lanes : WIDEN_LANES);
        else if (along->count > 0)
            tile(along, w->tile ? w->tile : WIDEN_TILE);
        if (a->keyed && fault->place == PLACE_OP) {
            fault->key = 0;
            fault->key_count = FAULT_ALL_KEYS;
        }
        break;
    default:
        break;
    }
}

/* Outputs that see an operand. */
static void widen_readers(struct fault *fault, const struct fault_bounds *bounds,
                          const struct widen *w)
{
    const struct node *node = &bounds->model->graph.node[fault->node];
    struct axis rows = {&fault->row, &fault->row_count, &fault->row_step, node->rows, 1};
    if (fault->place != PLACE_OP || fault->point != HOOK_OPERAND || node->op != OP_LINEAR)
        return;
    if (fault->readers == READERS_TILE)
        tile(&rows, w->tile ? w->tile : WIDEN_TILE);
}

uint32_t widen_first(const struct fault *fault, const struct fault_bounds *bounds, enum stage stage)
{
    const struct widen_span span = widen_stage(stage, bounds->n_prompt);
    const struct node *node = &bounds->model->graph.node[fault->node];
    const bool late = fault->place == PLACE_OP
                          ? coordinates_needs_output(node)
                          : fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER;
    const bool one_key =
        fault->place == PLACE_OP && fault_axes(fault, bounds->model).key &&
        (fault->granularity == GRANULARITY_ELEMENT || fault->granularity == GRANULARITY_FEATURE);
    const uint32_t end = span.end < bounds->positions ? span.end : bounds->positions;
    uint32_t first = span.first;
    if (late && first + 1 < bounds->n_prompt)
        first = bounds->n_prompt - 1;
    if (one_key && first < fault->key)
        first = fault->key;
    return first < end ? first : end > 0 ? end - 1 : 0;
}

static void widen_positions(struct fault *fault, const struct fault_bounds *bounds,
                            const struct widen *w, enum stage stage)
{
    const bool weight = fault->place == PLACE_OP && fault->point == HOOK_WEIGHT;
    const bool memory = fault->place != PLACE_OP && fault->place != PLACE_CONTROL;
    const bool spans =
        fault->duration == DURATION_INTERMITTENT || fault->granularity == GRANULARITY_FEATURE ||
        fault->granularity == GRANULARITY_TENSOR || (weight && fault->readers == READERS_STAGE);
    const struct widen_span span = widen_stage(stage, bounds->n_prompt);
    if (memory || fault->duration == DURATION_PERMANENT) {
        fault->position_count = FAULT_FOREVER;
    } else if (spans) {
        if (fault->duration == DURATION_TRANSIENT)
            fault->position = widen_first(fault, bounds, stage);
        fault->position_count = span.end == UINT32_MAX       ? FAULT_FOREVER
                                : span.end > fault->position ? span.end - fault->position
                                                             : 1;
    } else if (weight && fault->readers == READERS_CHUNK) {
        const uint32_t chunk = w->chunk ? w->chunk : WIDEN_CHUNK;
        fault->position = fault->position / chunk * chunk;
        fault->position_count = chunk;
    } else {
        fault->position_count = 1;
    }
}

void widen_fault(struct fault *fault, const struct fault_bounds *bounds, const struct widen *w,
                 enum stage stage)
{
    fault->row_count = fault->row_step = fault->k_count = fault->k_step = fault->key_count = 1;
    const struct axes a = axes_of(fault, bounds);
    widen_elements(fault, &a, w);
    widen_readers(fault, bounds, w);
    widen_positions(fault, bounds, w, stage);
}

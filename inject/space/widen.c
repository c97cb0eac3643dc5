/* SPDX-License-Identifier: MIT */
/* Ranges of rows, ks, keys and positions from granularity, readers, duration and stage. */
#include "inject/space/widen.h"

#include "model/op.h"
#include "shared/order.h"

#define WIDEN_LANES 8u
#define WIDEN_TILE_ROWS 32u
#define WIDEN_CHUNK 512u

/* One coordinate of the point: values 0 .. count - 1 in steps of `unit`; count 0: none. */
struct axis {
    uint32_t *first, *n, *step;
    uint32_t count, unit;
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

static void whole(const struct axis *axis)
{
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

struct widen_forms widen_forms(const struct fault *fault, const struct fault_axes *axes)
{
    const bool op = fault->place == PLACE_OP, kv = fault->place == PLACE_KV;
    const bool stored = !op && fault->place != PLACE_CONTROL;
    const bool rows = axes->row.count > 0 && !stored; /* along rows, else along k */
    struct widen_forms forms = {WIDEN_ONE, WIDEN_ONE, false};
    switch (fault->granularity) {
    case GRANULARITY_TENSOR:
        forms = (struct widen_forms){WIDEN_ALL, WIDEN_ALL, true};
        break;
    case GRANULARITY_VECTOR:
        forms = (struct widen_forms){stored ? WIDEN_ONE : WIDEN_ALL, WIDEN_ALL, op};
        break;
    case GRANULARITY_FEATURE:
        forms = (struct widen_forms){stored ? WIDEN_ALL : WIDEN_ONE, WIDEN_ONE, kv};
        break;
    case GRANULARITY_LANE:
    case GRANULARITY_TILE:
        *(rows ? &forms.row : &forms.k) =
            fault->granularity == GRANULARITY_LANE ? WIDEN_LANE : WIDEN_TILE;
        forms.all_keys = op;
        break;
    default:
        break;
    }
    forms.k = axes->operands ? WIDEN_ONE : forms.k;
    forms.all_keys = forms.all_keys && axes->key;
    return forms;
}

static void widen_axis(const struct axis *axis, enum widen_form form, const struct widen *w)
{
    if (axis->count == 0)
        return;
    if (form == WIDEN_ALL)
        whole(axis);
    if (form == WIDEN_LANE)
        lane(axis, w->lanes ? w->lanes : WIDEN_LANES);
    if (form == WIDEN_TILE)
        tile(axis, w->tile ? w->tile : WIDEN_TILE_ROWS);
}

static void widen_elements(struct fault *fault, const struct fault_bounds *bounds,
                           const struct widen *w)
{
    const struct fault_axes axes = fault_axes(fault, bounds);
    const struct widen_forms forms = widen_forms(fault, &axes);
    const struct axis row = {&fault->row, &fault->row_count, &fault->row_step, axes.row.count,
                             axes.row.unit};
    const struct axis k = {&fault->k, &fault->k_count, &fault->k_step, axes.k.count, axes.k.unit};
    const struct axis reader = {&fault->row, &fault->row_count, &fault->row_step, axes.readers, 1};
    widen_axis(&row, forms.row, w);
    widen_axis(&k, forms.k, w);
    if (fault->readers == READERS_TILE)
        widen_axis(&reader, WIDEN_TILE, w);
    if (forms.all_keys) {
        fault->key = 0;
        fault->key_count = FAULT_ALL_KEYS;
    }
}

uint32_t widen_first(const struct fault *fault, const struct fault_bounds *bounds, enum stage stage)
{
    const struct widen_span span = widen_stage(stage, bounds->n_prompt);
    const struct node *node = &bounds->model->graph.node[fault->node];
    const bool late = fault->place == PLACE_OP
                          ? op_is_output(node)
                          : fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER;
    const bool one_key =
        fault->place == PLACE_OP && fault_axes(fault, bounds).key &&
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
    widen_elements(fault, bounds, w);
    widen_positions(fault, bounds, w, stage);
}

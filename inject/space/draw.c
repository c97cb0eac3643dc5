/* SPDX-License-Identifier: MIT */
/* Draws a fault: place, site, point, kind, then each coordinate, all uniform. */
#include "inject/space/draw.h"

#include "base/rng.h"
#include "inject/space/widen.h"
#include "model/op.h"

/* Of ten faults eight strike an evaluation, one a stored weight, one a KV entry. */
#define DRAW_PLACES 10
#define DRAW_OPS 8

/* The kinds that `vkfi selfcheck` tries; their order is part of the draw. */
static const enum kind DRAWN[] = {KIND_FLIP, KIND_STUCK_AT_0, KIND_STUCK_AT_1, KIND_SET,
                                  KIND_ZERO, KIND_STALE,      KIND_DRY};

static uint32_t below(struct rng *rng, uint64_t bound)
{
    return (uint32_t)rng_below(rng, bound);
}

static void draw_op(struct fault *out, struct rng *rng, const struct model *model)
{
    struct op_point c;
    const struct node *node;
    do {
        out->node = below(rng, model->graph.count);
        node = &model->graph.node[out->node];
    } while (node->op == OP_STORE);
    do
        out->point = HOOK_OPERAND + below(rng, HOOK_LAST);
    while (!op_point(&c, node, out->point));
    out->place = PLACE_OP;
    out->site = node->site;
    out->layer = node->layer;
    out->row = c.rows > 0 ? below(rng, c.rows) : 0;
    out->k = c.ks > 0 ? below(rng, c.ks) : 0;
    if (c.keyed)
        out->key = out->position - below(rng, op_seen(out->position, node->window));
    if (c.stored == OP_STORED_FIELD) {
        do
            out->field = (enum quant_field)below(rng, QUANT_FIELD_COUNT);
        while (quant_field_width(node->weight->type, out->field) == 0);
    }
}

static void draw_weight(struct fault *out, struct rng *rng, const struct model *model)
{
    const struct node *node;
    do
        node = &model->graph.node[below(rng, model->graph.count)];
    while (!node->weight);
    const struct tensor *t = node->weight;
    out->place = PLACE_WEIGHT;
    out->site = t->name;
    out->layer = node->layer;
    out->tensor = t;
    out->point = HOOK_MEM;
    out->row = below(rng, t->dim[1] * t->dim[2] * t->dim[3]);
    out->k = below(rng, t->dim[0]);
    do
        out->field = (enum quant_field)below(rng, QUANT_FIELD_COUNT);
    while (quant_field_width(t->type, out->field) == 0);
}

static void draw_kv(struct fault *out, struct rng *rng, const struct model *model)
{
    const struct node *node;
    do
        node = &model->graph.node[below(rng, model->graph.count)];
    while (node->op != OP_STORE);
    out->place = PLACE_KV;
    out->site = node->site;
    out->layer = node->layer;
    out->point = HOOK_MEM;
    out->value_cache = below(rng, 2) != 0;
    out->k = below(rng, (uint64_t)model->hp.n_head_kv * model->hp.head_dim);
    out->key = below(rng, out->position);
}

static void draw_bits(struct fault *out, struct rng *rng, const struct fault_bounds *bounds)
{
    uint32_t width = fault_width(out, bounds);
    bool stale_defined =
        out->place != PLACE_WEIGHT && !(out->place == PLACE_OP && out->point == HOOK_WEIGHT);
    do
        out->kind = DRAWN[below(rng, sizeof(DRAWN) / sizeof(*DRAWN))];
    while (hook_kinds_takes(out->kind, KIND_TAKES_EARLIER) && !stale_defined);
    uint32_t bit = 1u << below(rng, width);
    uint32_t value = rng_u32(rng) >> (32 - width);
    if (hook_kinds_takes(out->kind, KIND_TAKES_MASK))
        out->mask = bit;
    if (hook_kinds_takes(out->kind, KIND_TAKES_VALUE))
        out->value = value;
}

void draw_fault(struct fault *out, const struct draw_params *params, uint64_t id)
{
    const struct model *model = params->bounds->model;
    struct rng rng;
    rng_init(&rng, params->seed, id);
    *out = (struct fault){.layer = GRAPH_NO_LAYER};
    out->position = params->first + below(&rng, params->count);
    uint32_t place = below(&rng, DRAW_PLACES);
    if (place < DRAW_OPS)
        draw_op(out, &rng, model);
    else if (place == DRAW_OPS || out->position == 0)
        draw_weight(out, &rng, model);
    else
        draw_kv(out, &rng, model);
    bool late = out->place == PLACE_OP && op_is_output(&model->graph.node[out->node]);
    if (late && out->position + 1 < params->bounds->n_prompt) {
        /* output norm and output run from the last prompt position on */
        uint32_t last = params->first + params->count;
        uint32_t from = params->bounds->n_prompt - 1;
        out->position = last > from ? from + below(&rng, last - from) : from;
    }
    draw_bits(out, &rng, params->bounds);
    out->duration = out->place == PLACE_OP ? DURATION_TRANSIENT : DURATION_PERSISTENT;
    out->readers = out->point == HOOK_OPERAND ? READERS_ALL : READERS_COLUMN;
    widen_fault(out, params->bounds, &(struct widen){0}, STAGE_ANY);
}

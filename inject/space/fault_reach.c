/* SPDX-License-Identifier: MIT */
/* The table of ENGINE.md 2 for any fault, over positions, and the union of several. */
#include "inject/space/fault_reach.h"

#include "model/op.h"

/* What a fault does at a position that it strikes. */
struct effect {
    uint32_t start; /* layer at which the column itself starts */
    uint32_t taint; /* lowest layer whose changed K or V later columns read */
};

static const struct effect nothing = {FAULT_REACH_NONE, FAULT_REACH_NONE};

static uint32_t n_layers(const struct fault_reach *reach)
{
    return reach->bounds->model->hp.n_layers;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* No layer after the last has K and V to change. */
static uint32_t taint_of(const struct fault_reach *reach, uint32_t layer)
{
    return layer < n_layers(reach) ? layer : FAULT_REACH_NONE;
}

/* Nodes of a layer before the K/V store whose results reach K or V. */
static bool reaches_kv(const struct graph *graph, const struct node *node)
{
    for (const struct node *n = &graph->node[graph->layer_begin[node->layer]]; n < node; n++) {
        if (n->op == OP_STORE)
            return false;
    }
    return node->out != REG_Q;
}

/* An evaluation of a node, or the weight it reads, changed. */
static struct effect of_node(const struct fault_reach *reach, const struct node *node)
{
    if (node->op == OP_EMBED)
        return (struct effect){0, 0};
    if (node->layer == GRAPH_NO_LAYER)
        return (struct effect){n_layers(reach), FAULT_REACH_NONE};
    bool kv = reaches_kv(&reach->bounds->model->graph, node);
    return (struct effect){node->layer, taint_of(reach, kv ? node->layer : node->layer + 1)};
}

static struct effect joined(struct effect a, struct effect b)
{
    return (struct effect){lower(a.start, b.start), lower(a.taint, b.taint)};
}

/* True if the row of a token is among those struck. */
static bool embeds(const struct fault_reach *reach, const struct fault *fault, uint32_t position)
{
    struct tap_fault tap;
    fault_tap(fault, reach->bounds, &tap);
    return position >= reach->n_evaluated || hook_index(tap.data, (uint32_t)reach->tokens[position],
                                                        HOOK_NONE, HOOK_NONE) != HOOK_NONE;
}

/* Whether the fault strikes some of the rows first .. first + n - 1. */
static bool strikes_rows(const struct fault *fault, uint32_t first, uint32_t n)
{
    const uint32_t step = fault->row_step ? fault->row_step : 1;
    const uint32_t count = fault->row_count ? fault->row_count : 1;
    const uint32_t skipped = first > fault->row ? (first - fault->row + step - 1) / step : 0;
    const uint64_t row = fault->row + (uint64_t)skipped * step;

    return skipped < count && row >= first && row - first < n;
}

/* Whether golden's column chose an expert whose weights are struck. What it chose is what the
 * faulty column chooses, as long as that is golden up to the layer. */
static bool chooses(const struct fault_reach *reach, const struct fault *fault,
                    const struct node *node, uint32_t position)
{
    const struct hparams *hp = &reach->bounds->model->hp;
    const uint32_t rows = node->rows / node->groups;

    if (!reach->experts || position >= reach->n_evaluated)
        return true;
    const uint16_t *chosen =
        reach->experts + ((size_t)position * hp->n_layers + node->layer) * hp->n_used;
    for (uint32_t j = 0; j < hp->n_used; j++) {
        if (strikes_rows(fault, chosen[j] * rows, rows))
            return true;
    }
    return false;
}

/* Whether the column of a position reads what is struck of the node's weight. */
static bool reads(const struct fault_reach *reach, const struct fault *fault,
                  const struct node *node, uint32_t position)
{
    if (node->op == OP_EMBED)
        return embeds(reach, fault, position);
    return node->op != OP_EXPERTS || chooses(reach, fault, node, position);
}

/* A stored tensor: every node that reads it; an embedding only for the tokens of its rows, experts
 * only where they are chosen. */
static struct effect of_weight(const struct fault_reach *reach, const struct fault *fault,
                               uint32_t position)
{
    const struct graph *graph = &reach->bounds->model->graph;
    struct effect effect = nothing;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (node->weight != fault->tensor && node->bias != fault->tensor)
            continue;
        if (reads(reach, fault, node, position))
            effect = joined(effect, of_node(reach, node));
    }
    return effect;
}

/* The rotation of one position, in every layer that uses the table. */
static struct effect of_table(const struct fault_reach *reach, const struct fault *fault,
                              uint32_t position)
{
    const struct graph *graph = &reach->bounds->model->graph;
    struct tap_fault tap;
    fault_tap(fault, reach->bounds, &tap);
    if (hook_index(tap.data, position, HOOK_NONE, HOOK_NONE) == HOOK_NONE)
        return nothing;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (node->op == OP_ROPE && node->table == fault->table)
            return (struct effect){node->layer, node->layer};
    }
    return nothing;
}

static struct effect of_control(const struct fault_reach *reach, const struct fault *fault)
{
    switch (fault->control) {
    case CONTROL_SAMPLER:
        return nothing;
    case CONTROL_LENGTH: /* K and V of layer 0 are computed before it is used */
        return (struct effect){0, taint_of(reach, 1)};
    default:
        return (struct effect){0, 0};
    }
}

/* Whether draws let an evaluation fire at a position. */
static bool fires(const struct fault_reach *reach, const struct fault *fault, uint32_t position)
{
    struct tap_fault tap;
    struct hook_data box;
    if (fault->rate == 0)
        return true;
    fault_tap(fault, reach->bounds, &tap);
    tap.data.draw_row = tap.data.row;
    box = tap.data;
    if (fault->place == PLACE_OP &&
        !tap_box(&tap, &reach->bounds->model->graph.node[fault->node], position, &box))
        return false;
    box.position = position;
    return tap_may_fire(&box);
}

static uint64_t end_of(const struct fault *fault)
{
    uint32_t count = fault->position_count ? fault->position_count : 1;
    return count == FAULT_FOREVER ? UINT64_MAX : (uint64_t)fault->position + count;
}

/* What the fault does at `position` itself. */
static struct effect effect_at(const struct fault_reach *reach, const struct fault *fault,
                               uint32_t position)
{
    const struct model *model = reach->bounds->model;
    if (position < fault->position || position >= end_of(fault))
        return nothing;
    switch (fault->place) {
    case PLACE_WEIGHT:
        return of_weight(reach, fault, position);
    case PLACE_TABLE:
        return of_table(reach, fault, position);
    case PLACE_KV: /* read in its layer, after columns store theirs */
        return (struct effect){fault->layer, taint_of(reach, fault->layer + 1)};
    case PLACE_CONTROL:
        return fires(reach, fault, position) ? of_control(reach, fault) : nothing;
    default:
        return fires(reach, fault, position) ? of_node(reach, &model->graph.node[fault->node])
                                             : nothing;
    }
}

/* Bits of this position are read one later: the node must be evaluated, whether or not draws let
 * the fault fire there, since another fault may need that column. A token is read when its column
 * runs; other integers are known without it. */
static uint32_t stale_start(const struct fault_reach *reach, const struct fault *fault,
                            uint32_t position)
{
    const struct node *node = &reach->bounds->model->graph.node[fault->node];
    const bool token = fault->place == PLACE_CONTROL && fault->control == CONTROL_TOKEN;
    if (!hook_kinds_takes(fault->kind, KIND_TAKES_EARLIER) ||
        (fault->place != PLACE_OP && !token) || position + 1 < fault->position ||
        position + 1 >= end_of(fault))
        return FAULT_REACH_NONE;
    if (token)
        return 0;
    const bool silent = op_is_output(node) && position + 1 < reach->bounds->n_prompt;
    return silent ? FAULT_REACH_NONE : of_node(reach, node).start;
}

void fault_reach(const struct fault_reach *reach, uint32_t *start)
{
    uint32_t taint = FAULT_REACH_NONE;
    for (uint32_t position = 0; position < reach->n_evaluated; position++) {
        struct effect here = {taint, taint};
        for (uint32_t i = 0; i < reach->n_faults; i++) {
            here = joined(here, effect_at(reach, &reach->faults[i], position));
            here.start = lower(here.start, stale_start(reach, &reach->faults[i], position));
        }
        bool silent = here.start == n_layers(reach) && position + 1 < reach->bounds->n_prompt;
        start[position] = silent ? FAULT_REACH_NONE : here.start;
        taint = here.taint;
    }
}

bool fault_reach_reads(const struct fault_reach *reach, const struct fault *fault)
{
    const struct graph *graph = &reach->bounds->model->graph;
    bool experts = false;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (node->weight != fault->tensor && node->bias != fault->tensor)
            continue;
        if (node->op != OP_EXPERTS)
            return true;
        experts = true;
        for (uint32_t p = fault->position; p < reach->n_evaluated && p < end_of(fault); p++) {
            if (reads(reach, fault, node, p))
                return true;
        }
    }
    return !experts;
}

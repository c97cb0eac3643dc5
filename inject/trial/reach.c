/* SPDX-License-Identifier: MIT */
/* From place and point to the layers that have to be evaluated. */
#include "inject/trial/reach.h"

#include <string.h>

/* Nodes of a layer before the K/V store whose results reach K or V. */
static bool reaches_kv(const struct graph *graph, uint32_t index)
{
    const struct node *node = &graph->node[index];
    for (uint32_t i = graph->layer_begin[node->layer]; i < index; i++) {
        if (graph->node[i].op == OP_STORE)
            return false;
    }
    return node->out != REG_Q;
}

static struct fault_reach reach_of_op(const struct fault *fault, const struct model *model)
{
    const struct node *node = &model->graph.node[fault->node];
    const uint32_t n_layers = model->hp.n_layers;
    if (node->op == OP_EMBED)
        return (struct fault_reach){.from_token = true, .rest = true};
    /* an evaluation of output norm or output leaves no trace in KV */
    if (node->layer == GRAPH_NO_LAYER)
        return (struct fault_reach){.first = n_layers, .rest_first = n_layers};
    const uint32_t rest_first = reaches_kv(&model->graph, fault->node) ? node->layer
                                                                        : node->layer + 1;
    /* behind the last layer's K/V nothing reaches later columns */
    return (struct fault_reach){
        .rest = rest_first < n_layers, .first = node->layer, .rest_first = rest_first};
}

static struct fault_reach reach_of_weight(const struct fault *fault, const struct model *model)
{
    const bool embedding = strcmp(fault->tensor->name, "token_embd.weight") == 0;
    const uint32_t layer = fault->layer == GRAPH_NO_LAYER ? model->hp.n_layers : fault->layer;
    if (embedding)
        return (struct fault_reach){.from_token = true, .rest = true};
    return (struct fault_reach){.rest = true, .first = layer, .rest_first = layer};
}

struct fault_reach fault_reach(const struct fault *fault, const struct model *model)
{
    const uint32_t n_layers = model->hp.n_layers;
    switch (fault->place) {
    case PLACE_OP:
        return reach_of_op(fault, model);
    case PLACE_WEIGHT:
        return reach_of_weight(fault, model);
    case PLACE_KV:
        return (struct fault_reach){
            .rest = true, .first = fault->layer, .rest_first = fault->layer};
    case PLACE_CONTROL:
        if (fault->control == CONTROL_SAMPLER) /* the logits are golden's, the pick is not */
            return (struct fault_reach){.first = n_layers, .rest_first = n_layers};
        return (struct fault_reach){.from_token = fault->control == CONTROL_TOKEN, .rest = true};
    default: /* PLACE_TABLE: all layers read it */
        return (struct fault_reach){.rest = true};
    }
}

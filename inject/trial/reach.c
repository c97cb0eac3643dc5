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

struct fault_reach fault_reach(const struct fault *fault, const struct model *model)
{
    uint32_t n_layers = model->hp.n_layers;
    if (fault->layer == GRAPH_NO_LAYER) {
        const struct node *node = NULL;
        bool embedding = false;
        if (fault->place == PLACE_OP)
            node = &model->graph.node[fault->node];
        else
            embedding = strcmp(fault->tensor->name, "token_embd.weight") == 0;
        embedding = embedding || (node && node->op == OP_EMBED);
        /* a stored fault stays; an evaluation of output norm or output leaves no trace in KV */
        return (struct fault_reach){.from_token = embedding,
                                    .rest = embedding || fault->place == PLACE_WEIGHT,
                                    .first = embedding ? 0 : n_layers,
                                    .rest_first = embedding ? 0 : n_layers};
    }
    bool behind_kv = fault->place == PLACE_OP && !reaches_kv(&model->graph, fault->node);
    uint32_t rest_first = behind_kv ? fault->layer + 1 : fault->layer;
    /* behind the last layer's K/V nothing reaches later columns */
    return (struct fault_reach){
        .rest = rest_first < n_layers, .first = fault->layer, .rest_first = rest_first};
}

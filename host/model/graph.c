/* SPDX-License-Identifier: MIT */
/* Names, widths and look-up of the operations that graph_build lists. */
#include "model/graph.h"

#include <stdlib.h>
#include <string.h>

static const char *const graph_op_names[OP_COUNT] = {
#define GRAPH_ENTRY(name, text) text,
    GRAPH_OPS(GRAPH_ENTRY)
#undef GRAPH_ENTRY
};

static const char *const graph_reg_names[REG_COUNT] = {
#define GRAPH_ENTRY(name, text) text,
    GRAPH_REGS(GRAPH_ENTRY)
#undef GRAPH_ENTRY
};

const char *graph_op_name(enum op op)
{
    return graph_op_names[op];
}

const char *graph_reg_name(enum reg reg)
{
    return reg == REG_NONE ? "none" : graph_reg_names[reg];
}

bool graph_reg_wide(enum reg reg)
{
    return reg == REG_S || reg == REG_P || reg == REG_L || reg == REG_R || reg == REG_E ||
           reg == REG_W || reg == REG_M;
}

uint32_t graph_reg_width(const struct hparams *hp, enum reg reg, uint32_t positions)
{
    switch (reg) {
    case REG_X:
    case REG_N:
    case REG_T:
        return hp->n_embd;
    case REG_Q:
    case REG_H:
        return hp->n_head * hp->head_dim;
    case REG_K:
    case REG_V:
        return hp->n_head_kv * hp->head_dim;
    case REG_S:
    case REG_P:
        return hp->n_head * positions;
    case REG_G:
    case REG_U:
    case REG_A:
        return hp->n_used * hp->n_ff_exp > hp->n_ff ? hp->n_used * hp->n_ff_exp : hp->n_ff;
    case REG_L:
        return hp->n_vocab;
    case REG_R:
        return hp->n_expert;
    case REG_E:
    case REG_W:
        return hp->n_used;
    case REG_D:
        return hp->n_used * hp->n_embd;
    case REG_M:
        return hp->n_used > 0 ? 1 : 0;
    default:
        return 0;
    }
}

const struct node *graph_find(const struct graph *graph, const char *site)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        if (strcmp(graph->node[i].site, site) == 0)
            return &graph->node[i];
    }
    return NULL;
}

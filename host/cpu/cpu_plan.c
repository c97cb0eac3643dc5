/* SPDX-License-Identifier: MIT */
/* Hazards between nodes: a barrier only where a thread reads what another wrote. */
#include "cpu/cpu_plan.h"

#include "cpu/cpu_ops.h"
#include "model/op.h"

/* How an access is cut among threads. Two accesses with equal cuts touch the same elements in the
 * same thread; NOBODY: no access; EVERYBODY: no cut equals it. */
#define NOBODY 0u
#define EVERYBODY UINT32_MAX

enum { RESOURCES = OP_PAGES + 1 };

struct hazard {
    uint32_t written, read; /* cuts since the last barrier */
};

/* The cut as a number: equal numbers, equal cuts. */
static uint32_t cut_of(const struct node *node, enum cpu_cut cut, uint32_t resource)
{
    if (cut == CPU_CUT_NONE || resource == OP_PAGES)
        return EVERYBODY;
    const uint32_t parts = cut == CPU_CUT_ROWS ? node->rows : node->groups;
    return 4 * parts + (uint32_t)cut;
}

static bool differs(uint32_t before, uint32_t cut)
{
    return before != NOBODY && (before != cut || cut == EVERYBODY);
}

static bool must_wait(const struct hazard *hazards, const struct node *node)
{
    const struct op_access access = op_access(node);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        const struct hazard *h = &hazards[i];
        const uint32_t in = cut_of(node, CPU_OPS[node->op].in, i);
        const uint32_t out = cut_of(node, CPU_OPS[node->op].out, i);
        if (access.reads & OP_BIT(i) && differs(h->written, in))
            return true;
        if (access.writes & OP_BIT(i) && (differs(h->written, out) || differs(h->read, out)))
            return true;
    }
    return false;
}

static void note_cut(uint32_t *noted, uint32_t cut)
{
    *noted = differs(*noted, cut) ? EVERYBODY : cut;
}

static void note(struct hazard *hazards, const struct node *node)
{
    const struct op_access access = op_access(node);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        if (access.reads & OP_BIT(i))
            note_cut(&hazards[i].read, cut_of(node, CPU_OPS[node->op].in, i));
        if (access.writes & OP_BIT(i))
            note_cut(&hazards[i].written, cut_of(node, CPU_OPS[node->op].out, i));
    }
}

void cpu_plan(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    struct hazard hazards[RESOURCES] = {0};
    enum reg prepared = REG_NONE; /* register that threads hold prepared */

    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        cpu->nodes[i].barrier = must_wait(hazards, node);
        if (cpu->nodes[i].barrier)
            memset(hazards, 0, sizeof(hazards));
        note(hazards, node);
        if (node->op == OP_LINEAR) {
            cpu->nodes[i].prepared = prepared == node->in;
            prepared = node->in;
        }
        if (node->out == prepared)
            prepared = REG_NONE;
    }
}

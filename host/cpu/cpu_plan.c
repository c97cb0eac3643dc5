/* SPDX-License-Identifier: MIT */
/* Hazards between nodes: a barrier only where a thread reads what another one wrote. */
#include "cpu/cpu_plan.h"

#include "model/op.h"

/* How an access is cut among threads. Two accesses with equal cuts touch the same elements in the
 * same thread; NOBODY: no access; EVERYBODY: no cut is like it. */
#define NOBODY 0u
#define EVERYBODY UINT32_MAX

enum { RESOURCES = OP_PAGES + 1 };

struct hazard {
    uint32_t written, read; /* cuts since the last barrier */
};

/* How the work of an op is cut among threads: by rows, by units as long as the node is wide, by
 * heads of the query (attention), or so that nothing else is cut like it. */
enum cut { BY_CALL, BY_ROWS, BY_UNITS, BY_HEADS };

static const struct {
    enum cut in, out;
} CUTS[OP_COUNT] = {
    [OP_EMBED] = {BY_CALL, BY_CALL},     [OP_NORM] = {BY_UNITS, BY_UNITS},
    [OP_LINEAR] = {BY_CALL, BY_ROWS},    [OP_ROPE] = {BY_UNITS, BY_UNITS},
    [OP_STORE] = {BY_UNITS, BY_UNITS},   [OP_SCORES] = {BY_CALL, BY_HEADS},
    [OP_SOFTMAX] = {BY_HEADS, BY_HEADS}, [OP_HEADS] = {BY_HEADS, BY_HEADS},
    [OP_GATE] = {BY_ROWS, BY_ROWS},      [OP_ADD] = {BY_ROWS, BY_ROWS},
};

/* The cut as a number: equal numbers, equal cuts. Pages are never cut alike twice. */
static uint32_t cut_of(const struct node *node, enum cut cut, uint32_t resource)
{
    if (cut == BY_CALL || resource == OP_PAGES)
        return EVERYBODY;
    const uint32_t parts = cut == BY_ROWS ? node->rows : node->groups;
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
        const uint32_t in = cut_of(node, CUTS[node->op].in, i);
        const uint32_t out = cut_of(node, CUTS[node->op].out, i);
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
            note_cut(&hazards[i].read, cut_of(node, CUTS[node->op].in, i));
        if (access.writes & OP_BIT(i))
            note_cut(&hazards[i].written, cut_of(node, CUTS[node->op].out, i));
    }
}

void cpu_plan(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    struct hazard hazards[RESOURCES] = {0};
    enum reg prepared = REG_NONE; /* register the threads hold prepared */

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

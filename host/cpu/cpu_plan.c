/* SPDX-License-Identifier: MIT */
/* Hazards between nodes: a barrier only where a thread reads what another one wrote. */
#include "cpu/cpu_plan.h"

/* How an access is cut among threads. Two accesses with equal cuts touch the same elements in the
 * same thread; NOBODY: no access; EVERYBODY: no cut is like it. */
#define NOBODY 0u
#define EVERYBODY UINT32_MAX

/* Registers, and the pages behind them. */
enum { PAGES = REG_COUNT, RESOURCES };

struct hazard {
    uint32_t written, read; /* cuts since the last barrier */
};

struct access {
    uint32_t resource, cut;
    bool write;
};

/* Tags keep a cut in rows apart from one in units of a slot. */
static uint32_t by_rows(const struct node *node)
{
    return 2 * node->rows;
}

static uint32_t by_units(const struct node *node)
{
    return 2 * node->groups + 1;
}

/* What a node touches: at most 5. SOFTMAX and HEADS are cut like SCORES, which stands for them. */
static uint32_t accesses(const struct node *node, struct access out[5])
{
    const uint32_t rows = by_rows(node), units = by_units(node);

    switch (node->op) {
    case OP_EMBED:
        out[0] = (struct access){node->out, EVERYBODY, true};
        return 1;
    case OP_LINEAR:
        out[0] = (struct access){node->in, EVERYBODY, false};
        out[1] = (struct access){node->out, rows, true};
        return 2;
    case OP_NORM:
    case OP_ROPE:
        out[0] = (struct access){node->in, units, false};
        out[1] = (struct access){node->out, units, true};
        return 2;
    case OP_STORE:
        out[0] = (struct access){node->in, units, false};
        out[1] = (struct access){node->in2, units, false};
        out[2] = (struct access){PAGES, EVERYBODY, true};
        return 3;
    case OP_SCORES:
        out[0] = (struct access){REG_Q, EVERYBODY, false};
        out[1] = (struct access){PAGES, EVERYBODY, false};
        out[2] = (struct access){REG_S, EVERYBODY, true};
        out[3] = (struct access){REG_P, EVERYBODY, true};
        out[4] = (struct access){REG_H, EVERYBODY, true};
        return 5;
    case OP_GATE:
    case OP_ADD:
        out[0] = (struct access){node->in, rows, false};
        out[1] = (struct access){node->in2, rows, false};
        out[2] = (struct access){node->out, rows, true};
        return 3;
    default:
        return 0;
    }
}

static bool differs(uint32_t before, uint32_t cut)
{
    return before != NOBODY && (before != cut || cut == EVERYBODY);
}

static bool must_wait(const struct hazard *hazards, const struct access *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct hazard *h = &hazards[a[i].resource];
        if (differs(h->written, a[i].cut) || (a[i].write && differs(h->read, a[i].cut)))
            return true;
    }
    return false;
}

static void note(struct hazard *hazards, const struct access *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct hazard *h = &hazards[a[i].resource];
        uint32_t *cut = a[i].write ? &h->written : &h->read;
        *cut = differs(*cut, a[i].cut) ? EVERYBODY : a[i].cut;
    }
}

void cpu_plan(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    struct hazard hazards[RESOURCES] = {0};
    enum reg prepared = REG_NONE; /* register the threads hold prepared */

    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        struct access a[5];
        const uint32_t n = accesses(node, a);
        cpu->nodes[i].barrier = must_wait(hazards, a, n);
        if (cpu->nodes[i].barrier)
            memset(hazards, 0, sizeof(hazards));
        note(hazards, a, n);
        if (node->op == OP_LINEAR) {
            cpu->nodes[i].prepared = prepared == node->in;
            prepared = node->in;
        }
        if (node->out == prepared)
            prepared = REG_NONE;
    }
}

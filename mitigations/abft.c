/* SPDX-License-Identifier: MIT */
/* Check sums of linear ops, from the model file (shaders/NUMERICS.md 7): an alarm is damage by
 * proof. The column is computed again; if the alarm stays, weights and check sums of the op that
 * differ from those of the file are written anew. */
#include <inttypes.h>

#include "base/log.h"
#include "mitigations/protection.h"
#include "model/executor_abft.h"
#include "model/executor_weights.h"

struct params {
    struct protection_sites sites;
    double factor;
};

struct self {
    struct executor *ex;
    uint32_t *node; /* (n) LINEAR nodes, rising */
    uint32_t n;
    uint32_t n_early; /* those that are evaluated for columns that give no token */
    float factor;
};

static const struct protection_param PARAMS[] = {
    {.name = "sites",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, sites),
     .fallback = "['*']",
     .what = "linear ops that are checked, globs of their sites"},
    {.name = "factor",
     .type = PROTECTION_NUMBER,
     .at = offsetof(struct params, factor),
     .min = 1,
     .max = 1e6,
     .fallback = "1",
     .what = "factor on the bound: 1 is what rounding may reach, more misses more faults"},
};

/* The last store of K and V: a column of the prompt but its last needs nothing later. */
static uint32_t last_store(const struct graph *graph)
{
    uint32_t last = 0;

    for (uint32_t i = 0; i < graph->count; i++)
        last = graph->node[i].op == OP_STORE ? i : last;
    return last;
}

/* Says which matrices the check sums leave out. */
static void name_unchecked(const struct graph *graph, const struct protection_sites *sites)
{
    const char *first = NULL;
    uint32_t n = 0;

    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (node->op != OP_EXPERTS || !protections_match(sites, node->site))
            continue;
        first = first ? first : node->site;
        n++;
    }
    if (n > 0)
        log_warn("abft: '%s' and %" PRIu32 " other matrices of experts have no check sums, since "
                 "columns choose their rows: redundancy and weight_audit protect them",
                 first, n - 1);
}

static enum status open_abft(void *self, struct arena *arena, const void *params,
                             const struct protection_setup *setup, struct protection_needs *needs)
{
    const struct graph *graph = &setup->ex->model->graph;
    const struct params *given = params;
    struct self *s = self;

    s->ex = setup->ex;
    s->factor = (float)given->factor;
    s->node = arena_array(arena, graph->count, sizeof(*s->node));
    if (!s->node)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        if (!guard_abft_checks(node) || !protections_match(&given->sites, node->site))
            continue;
        s->node[s->n++] = i;
        s->n_early += i < last_store(graph);
    }
    if (s->n == 0) {
        log_error("abft: found no linear op that '%s'%s matches",
                  given->sites.n > 0 ? given->sites.glob[0] : "", given->sites.n > 1 ? ", .." : "");
        return STATUS_INPUT;
    }
    name_unchecked(graph, &given->sites);
    *needs = (struct protection_needs){.guards = s->n};
    return executor_abft_make(s->ex, s->node, s->n);
}

static uint32_t ask(const void *self, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    const struct self *s = self;
    const uint32_t n = position + 1 < prompt ? s->n_early : s->n;

    (void)state;
    for (uint32_t i = 0; i < n; i++)
        out[i] = (struct guard){.node = s->node[i], .kind = GUARD_ABFT, .factor = s->factor};
    return n;
}

/* The row that the verdict points to, or the first of several; EXECUTOR_NONE: unknown. */
static uint32_t row_of(const struct self *s, const struct guard *guard)
{
    uint32_t rows[GUARD_ABFT_CANDIDATES];
    const uint32_t n = guard_abft_rows(rows, &s->ex->abft[guard->node],
                                       s->ex->model->graph.node[guard->node].rows, guard->verdict);

    return n > 0 ? rows[0] : EXECUTOR_NONE;
}

static enum status look(void *self, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    const struct guard *guard = protection_alarm(out, view, PROTECTION_HARD, 1);

    (void)state;
    if (guard)
        out->detail = row_of(self, guard);
    return STATUS_OK;
}

/* Where one weight is damaged, others may be, below the bound of their op. */
static enum status repair_all(struct self *s)
{
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < s->n && !st; i++) {
        uint32_t pages = 0;
        st = executor_weights_repair(s->ex, s->ex->model->graph.node[s->node[i]].weight, &pages);
    }
    return st;
}

/* The ops whose alarm did not go away: what they read, and what they are compared with. Damaged
 * weights may have been read by all columns before, below the bound. */
static enum status audit(void *self, void *state, const struct decode_view *view, bool end,
                         struct protection_finding *out)
{
    struct self *s = self;
    enum status st = STATUS_OK;
    bool weights = false;

    (void)state;
    for (uint32_t i = 0; i < view->n_guards && !end && !st; i++) {
        const struct guard *guard = &view->guard[i];
        uint32_t pages = 0;
        bool sums = false;
        if (guard->kind != GUARD_ABFT || guard->verdict[0] == 0)
            continue;
        st = executor_weights_repair(s->ex, s->ex->model->graph.node[guard->node].weight, &pages);
        if (!st)
            st = executor_abft_restore(s->ex, guard->node, &sums);
        if (pages > 0 || sums)
            *out = (struct protection_finding){.severity = PROTECTION_HARD,
                                               .back = pages > 0       ? view->position + 1
                                                       : out->back > 1 ? out->back
                                                                       : 1,
                                               .repaired = true,
                                               .node = guard->node,
                                               .detail = row_of(s, guard)};
        weights |= pages > 0;
    }
    return st || !weights ? st : repair_all(s);
}

/* Three products with the input for each part of the rows, two sums of the results. */
static double work(const void *params, const struct protection_column *column)
{
    const struct graph *graph = &column->model->graph;
    const struct params *given = params;
    double sum = 0;

    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const uint32_t parts = (node->rows + ABFT_ROWS - 1) / ABFT_ROWS;
        if (guard_abft_checks(node) && protections_match(&given->sites, node->site))
            sum += 3.0 * node->width * parts + 2.0 * node->rows;
    }
    return sum;
}

static bool area(void *self, void *state, uint32_t index, struct protection_area *out)
{
    const struct self *s = self;

    (void)state;
    if (index >= s->n)
        return false;
    *out = (struct protection_area){.name = "sums",
                                    .size = guard_abft_words(&s->ex->abft[s->node[index]]) *
                                            sizeof(uint32_t),
                                    .node = s->node[index]};
    return true;
}

const struct protection protection_abft = {
    .name = "abft",
    .what = "check sums of linear ops: weights, partial sums and results beyond rounding",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .open = open_abft,
    .ask = ask,
    .look = look,
    .audit = audit,
    .work = work,
    .area = area,
};

/* SPDX-License-Identifier: MIT */
/* Outputs of ops against the bounds of clean runs, widened: values outside are cut to the bound,
 * set to 0, or the column is computed again. Only the last keeps a clean run's bits for certain. */
#include <math.h>

#include "base/log.h"
#include "mitigations/calibration.h"
#include "mitigations/own_table.h"
#include "model/op.h"

enum policy { POLICY_CLIP, POLICY_ZERO, POLICY_RERUN };

struct params {
    struct protection_sites sites;
    uint32_t policy;
    double alpha;
};

struct bound {
    float low, high;
};

struct self {
    enum policy policy;
    struct bound *bound[CALIBRATION_CLASSES]; /* (n) */
    uint32_t *node[CALIBRATION_CLASSES];      /* (n) rising */
    uint32_t n[CALIBRATION_CLASSES];
    struct own_table table[CALIBRATION_CLASSES]; /* of the bounds */
};

static const char *const POLICIES[] = {"clip", "zero", "rerun"};

static const struct protection_param PARAMS[] = {
    {.name = "sites",
     .type = PROTECTION_SITES,
     .at = offsetof(struct params, sites),
     .fallback = "['blk.*.attn_output', 'blk.*.ffn_act', 'blk.*.ffn_down', 'blk.*_residual', "
                 "'output']",
     .what = "sites whose outputs are checked, globs; those that the calibration has bounds of"},
    {.name = "policy",
     .type = PROTECTION_WORD,
     .at = offsetof(struct params, policy),
     .words = {POLICIES, sizeof(POLICIES) / sizeof(*POLICIES)},
     .fallback = "'rerun'",
     .what = "values outside: cut to the bound, set to 0, or the column is computed again"},
    {.name = "alpha",
     .type = PROTECTION_NUMBER,
     .at = offsetof(struct params, alpha),
     .max = 1000,
     .fallback = "0.5",
     .what = "bounds are widened by this share of their magnitude"},
};

static enum status add_bounds(struct self *self, const struct params *params,
                              const struct protection_setup *setup, enum calibration_class class)
{
    const struct graph *graph = &setup->ex->model->graph;
    for (uint32_t i = 0; i < graph->count; i++) {
        struct bound bound;
        if (!op_is_site(graph->node[i].op) ||
            !protections_match(&params->sites, graph->node[i].site) ||
            !calibration_bounds(setup->calibration, i, class, &bound.low, &bound.high))
            continue;
        bound.low -= (float)params->alpha * fabsf(bound.low);
        bound.high += (float)params->alpha * fabsf(bound.high);
        self->node[class][self->n[class]] = i;
        self->bound[class][self->n[class]++] = bound;
    }
    if (class == CALIBRATION_FIRST || self->n[class] > 0)
        return STATUS_OK;
    log_error("range_guard: found no site with bounds in the calibration that '%s'%s matches",
              params->sites.n > 0 ? params->sites.glob[0] : "", params->sites.n > 1 ? ", .." : "");
    return STATUS_INPUT;
}

static enum status open(void *memory, struct arena *arena, const void *parameters,
                        const struct protection_setup *setup, struct protection_needs *needs)
{
    const struct params *params = parameters;
    struct self *self = memory;
    enum status st = STATUS_OK;
    self->policy = (enum policy)params->policy;
    for (int class = 0; class < CALIBRATION_CLASSES && !st; class ++) {
        const uint32_t n = setup->ex->model->graph.count;
        self->bound[class] = arena_array(arena, n, sizeof(*self->bound[class]));
        self->node[class] = arena_array(arena, n, sizeof(*self->node[class]));
        st = self->bound[class] && self->node[class]
                 ? add_bounds(self, params, setup, (enum calibration_class) class)
                 : STATUS_MEMORY;
        st = st ? st
                : own_table_keep(&self->table[class], arena, self->bound[class],
                                 self->n[class] * sizeof(*self->bound[class]));
        needs->guards = self->n[class] > needs->guards ? self->n[class] : needs->guards;
    }
    return st;
}

static uint32_t ask(const void *memory, const void *state, uint32_t position, uint32_t prompt,
                    struct guard *out)
{
    static const enum guard_action ACTIONS[] = {GUARD_CLIP, GUARD_ZERO, GUARD_COUNT};
    const struct self *self = memory;
    const enum calibration_class class = calibration_class_of(position);
    (void)state;
    (void)prompt;
    for (uint32_t i = 0; i < self->n[class]; i++) {
        const struct bound *bound = &self->bound[class][i];
        const bool sound = bound->low <= bound->high; /* else damaged: nothing finite is inside */
        out[i] = (struct guard){.node = self->node[class][i],
                                .kind = GUARD_RANGE,
                                .action = ACTIONS[self->policy],
                                .low = sound ? bound->low : INFINITY,
                                .high = sound ? bound->high : INFINITY};
    }
    return self->n[class];
}

/* An alarm by damaged bounds is worth a column: what was cut or set to 0 was right. */
static enum status look(void *memory, void *state, const struct decode_view *view,
                        struct protection_finding *out)
{
    struct self *self = memory;
    const uint32_t back = self->policy == POLICY_RERUN ? 1 : 0;
    (void)state;
    if (protection_alarm(out, view, PROTECTION_SOFT, back) &&
        own_table_mend(&self->table[calibration_class_of(view->position)])) {
        out->back = 1;
        out->repaired = true;
    }
    return STATUS_OK;
}

static double work(const void *parameters, const struct protection_column *column)
{
    const struct graph *graph = &column->model->graph;
    const struct params *params = parameters;
    double sum = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        if (calibration_site(graph, i) && protections_match(&params->sites, graph->node[i].site))
            sum += graph->node[i].rows;
    }
    return sum;
}

static bool area(void *memory, void *state, uint32_t index, struct protection_area *out)
{
    struct self *self = memory;
    (void)state;
    if (index >= 2 * CALIBRATION_CLASSES)
        return false;
    const struct own_table *table = &self->table[index / 2];
    *out = index % 2 ? own_table_copies(table)
                     : (struct protection_area){
                           .name = index / 2 == CALIBRATION_FIRST ? "bounds_first" : "bounds",
                           .bytes = table->bytes,
                           .size = table->size};
    return true;
}

const struct protection protection_range_guard = {
    .name = "range_guard",
    .what = "outputs of ops outside the bounds of clean runs: errors of high exponent bits",
    .param = PARAMS,
    .n_params = sizeof(PARAMS) / sizeof(*PARAMS),
    .params = sizeof(struct params),
    .self = sizeof(struct self),
    .calibrated = true,
    .open = open,
    .ask = ask,
    .look = look,
    .work = work,
    .area = area,
};

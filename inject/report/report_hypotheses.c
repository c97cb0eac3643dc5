/* SPDX-License-Identifier: MIT */
/* Coefficients of a plan's contrasts, their tests, their table. */
#include "inject/report/report_hypotheses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inject/stats/stats_test.h"

static const struct {
    const char *text;
    report_events events;
} MEASURES[] = {
    [PLAN_MEASURE_SDC] = {"SDC", REPORT_SDC},
    [PLAN_MEASURE_SDC_DUE] = {"SDC or DUE", REPORT_SDC | REPORT_DUE},
    [PLAN_MEASURE_CRITICAL] = {"critical SDC", REPORT_CRITICAL},
    [PLAN_MEASURE_DUE] = {"DUE", REPORT_DUE},
    [PLAN_MEASURE_CHANGED] = {"changed logits",
                              REPORT_SDC | REPORT_DUE | REPORT_EVENT(MASKED_TOKENS)},
};

/* Per stratum: side of a hypothesis, position of a trend, weight, coefficient. */
struct sides {
    int *sign;
    double *position, *weight, *coefficient;
};

static enum status make_sides(struct sides *out, struct report_context *context)
{
    const size_t n = (size_t)context->data->n_strata + 1;
    out->sign = arena_array(context->arena, n, sizeof *out->sign);
    out->position = arena_array(context->arena, n, sizeof *out->position);
    out->weight = arena_array(context->arena, n, sizeof *out->weight);
    out->coefficient = arena_array(context->arena, n, sizeof *out->coefficient);
    return out->sign && out->position && out->weight && out->coefficient ? STATUS_OK
                                                                         : STATUS_MEMORY;
}

/* The stratum's values by dimension, out of its label. */
#define HYPOTHESES_VALUE 96
static int sign_of(const struct plan_hypothesis *hypothesis, const char *label, double *position)
{
    char text[PLAN_DIMENSION_COUNT][HYPOTHESES_VALUE];
    const char *value[PLAN_DIMENSION_COUNT];
    for (int d = 0; d < PLAN_DIMENSION_COUNT; d++)
        value[d] = report_data_dimension(label, plan_dimension_name[d], text[d], sizeof text[d])
                       ? text[d]
                       : NULL;
    const int sign = plan_contrast_sign(hypothesis, value);
    *position =
        sign && value[hypothesis->dimension] ? strtod(value[hypothesis->dimension], NULL) : 0;
    return sign;
}

static bool is_trend(const struct plan_hypothesis *hypothesis)
{
    return hypothesis->relation >= PLAN_RISES;
}

/* W_h within a side; strata without weights count alike. */
static void set_difference(struct sides *sides, uint32_t count)
{
    double sum[2] = {0, 0};
    for (uint32_t h = 0; h < count; h++) {
        if (sides->sign[h])
            sum[sides->sign[h] < 0] += sides->weight[h];
    }
    for (uint32_t h = 0; h < count; h++)
        sides->coefficient[h] =
            sides->sign[h] ? sides->sign[h] * sides->weight[h] / sum[sides->sign[h] < 0] : 0;
}

/* Strata at one position share its coefficient by W_h. */
static enum status set_trend(struct sides *sides, uint32_t count, struct arena *arena)
{
    double *position = arena_array(arena, (size_t)count + 1, sizeof *position);
    double *own = arena_array(arena, (size_t)count + 1, sizeof *own);
    double *weight = arena_array(arena, (size_t)count + 1, sizeof *weight);
    uint32_t *place = arena_array(arena, (size_t)count + 1, sizeof *place);
    uint32_t distinct = 0;
    if (!position || !own || !weight || !place)
        return STATUS_MEMORY;
    for (uint32_t h = 0; h < count; h++) {
        if (!sides->sign[h])
            continue;
        uint32_t at = 0;
        while (at < distinct && position[at] != sides->position[h])
            at++;
        position[at] = sides->position[h];
        distinct += at == distinct;
        weight[at] += sides->weight[h];
        place[h] = at;
    }
    stats_test_trend_coefficients(own, position, distinct);
    for (uint32_t h = 0; h < count; h++)
        sides->coefficient[h] =
            sides->sign[h] ? own[place[h]] * sides->weight[h] / weight[place[h]] : 0;
    return STATUS_OK;
}

static double p_of(const struct stats_cluster_estimate *e, const struct plan_hypothesis *hypothesis)
{
    if (isnan(e->rate) || !(e->variance > 0))
        return NAN;
    const double above = stats_cluster_contrast_above(e, 0);
    switch (hypothesis->relation) {
    case PLAN_GREATER:
    case PLAN_RISES:
        return above;
    case PLAN_LESS:
    case PLAN_FALLS:
        return 1 - above;
    case PLAN_EQUIVALENT:
        return fmax(stats_cluster_contrast_above(e, -hypothesis->margin),
                    1 - stats_cluster_contrast_above(e, hypothesis->margin));
    default:
        return fmin(1, 2 * fmin(above, 1 - above));
    }
}

static enum status test_one(struct report_hypothesis *out, struct report_context *context,
                            const struct sides *sides)
{
    const struct report_data *data = context->data;
    struct stats_cluster_data all;
    struct sides own = *sides;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const double weight = data->stratum[h].weight;
        own.sign[h] = sign_of(out->plan, data->stratum[h].label, &own.position[h]);
        own.weight[h] = isnan(weight) ? 1 : weight;
    }
    if (!is_trend(out->plan))
        set_difference(&own, data->n_strata);
    else if (set_trend(&own, data->n_strata, context->arena))
        return STATUS_MEMORY;
    report_rate_data(&all, context->work,
                     &(struct report_query){.events = MEASURES[out->plan->of].events});
    bool missing = false;
    for (uint32_t h = 0, at = 0; h < data->n_strata; h++) {
        if (context->work->touched[h])
            all.stratum[at++].weight = own.coefficient[h];
        else
            missing = missing || own.coefficient[h] != 0;
        if (own.sign[h])
            out->trials += context->work->first[h + 1] - context->work->first[h];
    }
    stats_cluster_contrast(&out->estimate, &all);
    if (missing)
        out->estimate.rate = NAN; /* a stratum of the contrast has no trial yet */
    out->bounds = stats_cluster_contrast_interval(&out->estimate, report_figure_level(context));
    out->p = p_of(&out->estimate, out->plan);
    return STATUS_OK;
}

enum status report_hypotheses_test(struct report_hypothesis **out, struct report_context *context)
{
    const struct plan *plan = context->data->plan;
    const uint32_t count = plan->n_hypotheses;
    struct report_hypothesis *found = arena_array(context->arena, (size_t)count + 1, sizeof *found);
    double *p = arena_array(context->arena, (size_t)count + 1, sizeof *p);
    uint32_t *order = arena_array(context->arena, (size_t)count + 1, sizeof *order);
    struct sides sides;
    if (!found || !p || !order || make_sides(&sides, context))
        return STATUS_MEMORY;
    *out = found;
    for (uint32_t i = 0; i < count; i++) {
        found[i].plan = &plan->hypothesis[i];
        const enum status st = test_one(&found[i], context, &sides);
        if (st)
            return st;
        p[i] = found[i].p;
    }
    stats_test_holm(p, p, order, count);
    for (uint32_t i = 0; i < count; i++) {
        found[i].adjusted = p[i];
        found[i].holds = p[i] <= found[i].plan->alpha;
    }
    return STATUS_OK;
}

static const struct report_column COLUMNS[] = {
    {"name", "hypothesis", REPORT_TEXT, false},
    {"contrast", "contrast", REPORT_TEXT, false},
    {"of", "of", REPORT_TEXT, false},
    {"trials", "n", REPORT_COUNT, false},
    {"estimate", "estimate, points", REPORT_PERCENT, true},
    {"estimate_low", NULL, REPORT_PERCENT, false},
    {"estimate_high", NULL, REPORT_PERCENT, false},
    {"p", "p", REPORT_P, false},
    {"adjusted", "p, Holm", REPORT_P, false},
    {"alpha", "alpha", REPORT_NUMBER, false},
    {"verdict", "verdict", REPORT_TEXT, false},
};

enum status report_hypotheses_table(struct report_table *out, struct report_context *context)
{
    struct report_hypothesis *found = NULL;
    const uint32_t count = context->data->plan->n_hypotheses;
    out->id = "hypotheses";
    out->caption =
        "Hypotheses fixed in the plan: difference of rates, or slope for each step of the "
        "dimension, in percentage points; clustered variance, p-values adjusted by Holm.";
    enum status st = report_hypotheses_test(&found, context);
    st = st ? st
            : report_table_init(out, context->arena, count, COLUMNS,
                                sizeof COLUMNS / sizeof *COLUMNS);
    for (uint32_t i = 0; !st && i < count; i++) {
        const struct report_hypothesis *h = &found[i];
        report_table_text(out, i, "name", h->plan->name);
        report_table_text(out, i, "contrast", h->plan->contrast);
        report_table_text(out, i, "of", MEASURES[h->plan->of].text);
        report_table_set(out, i, "trials", (double)h->trials);
        report_table_set(out, i, "estimate", h->estimate.rate);
        report_table_set(out, i, "estimate_low", h->bounds.low);
        report_table_set(out, i, "estimate_high", h->bounds.high);
        report_table_set(out, i, "p", h->p);
        report_table_set(out, i, "adjusted", h->adjusted);
        report_table_set(out, i, "alpha", h->plan->alpha);
        report_table_text(out, i, "verdict",
                          isnan(h->p) ? "cannot be tested"
                          : h->holds  ? "supported"
                                      : "not supported");
    }
    return st;
}

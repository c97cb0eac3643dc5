/* SPDX-License-Identifier: MIT */
/* Coefficients of a plan's contrasts, their tests, their table. */
#include "inject/report/report_hypotheses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inject/stats/stats_arms.h"
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
    uint32_t *index; /* trials of a side */
};

static enum status make_sides(struct sides *out, struct report_context *context)
{
    const size_t n = (size_t)context->data->n_strata + 1;
    out->sign = arena_array(context->arena, n, sizeof *out->sign);
    out->position = arena_array(context->arena, n, sizeof *out->position);
    out->weight = arena_array(context->arena, n, sizeof *out->weight);
    out->coefficient = arena_array(context->arena, n, sizeof *out->coefficient);
    out->index = arena_array(context->arena, context->data->n + 1, sizeof *out->index);
    return out->sign && out->position && out->weight && out->coefficient && out->index
               ? STATUS_OK
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

/* Of P(estimate - null as high as this). */
static double p_of(const struct plan_hypothesis *hypothesis, const double above[3])
{
    switch (hypothesis->relation) {
    case PLAN_GREATER:
    case PLAN_RISES:
        return above[0];
    case PLAN_LESS:
    case PLAN_FALLS:
        return 1 - above[0];
    case PLAN_EQUIVALENT:
        return isnan(above[0]) ? NAN : fmax(above[1], 1 - above[2]);
    default:
        return isnan(above[0]) ? NAN : fmin(1, 2 * fmin(above[0], 1 - above[0]));
    }
}

/* A slope: estimate +- t se. */
static void decide_trend(struct report_hypothesis *out, const struct report_context *context)
{
    const struct stats_cluster_estimate *e = &out->estimate;
    const bool known = !isnan(e->rate) && e->variance > 0;
    const double above[3] = {known ? stats_cluster_contrast_above(e, 0) : NAN, NAN, NAN};
    out->bounds = stats_cluster_contrast_interval(e, report_figure_level(context));
    out->p = p_of(out->plan, above);
}

/* The rate of one side, each of whose strata is there as a whole. */
static void fill_side(struct stats_arms *out, struct report_context *context,
                      const struct report_hypothesis *hypothesis, const struct sides *sides,
                      bool second)
{
    const struct report_data *data = context->data;
    struct report_query query = {.index = sides->index,
                                 .events = MEASURES[hypothesis->plan->of].events};
    struct stats_cluster_data own;
    for (size_t i = 0; i < data->n; i++) {
        if (sides->sign[data->trial[i].stratum] == (second ? -1 : 1))
            sides->index[query.count++] = (uint32_t)i;
    }
    report_rate_data(&own, context->work, &query);
    for (uint32_t h = 0, at = 0; h < data->n_strata; h++) {
        if (context->work->touched[h])
            own.stratum[at++].weight = fabs(sides->coefficient[h]);
    }
    stats_cluster_rate(second ? &out->second : &out->first, &own);
    out->deff_floor[second] = report_rate_floor_of(context->work, &own);
}

/* Two sides: by their own intervals, which hold where events are few or none. */
static void decide_difference(struct report_hypothesis *out, struct report_context *context,
                              const struct sides *sides)
{
    struct stats_arms arms = {0};
    fill_side(&arms, context, out, sides, false);
    fill_side(&arms, context, out, sides, true);
    if (isnan(out->estimate.rate))
        arms.first.rate = NAN;
    arms.correlation = stats_arms_correlation(&arms, &out->estimate);
    out->bounds = stats_arms_interval(&arms, report_figure_level(context));
    const double above[3] = {stats_arms_above(&arms, 0),
                             stats_arms_above(&arms, -out->plan->margin),
                             stats_arms_above(&arms, out->plan->margin)};
    out->p = p_of(out->plan, above);
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
    if (is_trend(out->plan))
        decide_trend(out, context);
    else
        decide_difference(out, context, &own);
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
        "dimension, in percentage points. Differences by Newcombe's hybrid of the two sides' "
        "clustered intervals, slopes by t; p-values adjusted by Holm.";
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

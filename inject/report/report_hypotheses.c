/* SPDX-License-Identifier: MIT */
/* Coefficients of a plan's contrasts, their tests, their table. */
#include "inject/report/report_hypotheses.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_select.h"
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
    out->sign = arena_array(context->arena, n, sizeof(*out->sign));
    out->position = arena_array(context->arena, n, sizeof(*out->position));
    out->weight = arena_array(context->arena, n, sizeof(*out->weight));
    out->coefficient = arena_array(context->arena, n, sizeof(*out->coefficient));
    out->index = arena_array(context->arena, context->data->n + 1, sizeof(*out->index));
    return out->sign && out->position && out->weight && out->coefficient && out->index
               ? STATUS_OK
               : STATUS_MEMORY;
}

static int sign_of(const struct plan_hypothesis *hypothesis, const char *label, double *position)
{
    struct report_values values;
    report_select_values(&values, label);
    const int sign = plan_contrast_sign(hypothesis, values.value);
    const char *found = values.value[hypothesis->dimension];
    *position = sign && found ? strtod(found, NULL) : 0;
    return sign;
}

static bool is_trend(const struct plan_hypothesis *hypothesis)
{
    return hypothesis->relation >= PLAN_RISES;
}

/* W_h within a side; strata without weights count equally. */
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
    double *position = arena_array(arena, (size_t)count + 1, sizeof(*position));
    double *own = arena_array(arena, (size_t)count + 1, sizeof(*own));
    double *weight = arena_array(arena, (size_t)count + 1, sizeof(*weight));
    uint32_t *place = arena_array(arena, (size_t)count + 1, sizeof(*place));
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

/* The p-value from P(estimate - null this high). */
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

/* Both ends are one-sided bounds at the part of the plan's alpha that the look may spend. */
static struct stats_interval_level tested_level(const struct report_hypothesis *hypothesis)
{
    return (struct stats_interval_level){1 - 2 * hypothesis->alpha, STATS_INTERVAL_BOTH};
}

/* A slope: estimate +- t se. */
static void decide_trend(struct report_hypothesis *out, const struct report_context *context)
{
    const struct stats_cluster_estimate *e = &out->estimate;
    const bool known = !isnan(e->rate) && e->variance > 0;
    const double above[3] = {known ? stats_cluster_contrast_above(e, 0) : NAN, NAN, NAN};
    out->bounds = stats_cluster_contrast_interval(e, report_figure_level(context));
    out->tested = stats_cluster_contrast_interval(e, tested_level(out));
    out->p = p_of(out->plan, above);
}

/* The rate of one side, with each of its strata as a whole. */
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

/* Two sides: by their own intervals, which hold for few or no events. */
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
    out->tested = stats_arms_interval(&arms, tested_level(out));
    out->correlation = fabs(arms.correlation) < 1e-9 ? 0 : arms.correlation; /* rounding of sums */
    for (int s = 0; s < 2; s++) {
        const struct stats_cluster_estimate *e = s ? &arms.second : &arms.first;
        out->side[s] = (struct report_interval){.rate = e->rate, .share = 1};
        stats_cluster_interval(
            &out->side[s].interval, e,
            &(struct stats_cluster_request){report_figure_level(context), arms.deff_floor[s]});
    }
    const double above[3] = {stats_arms_above(&arms, 0),
                             stats_arms_above(&arms, -out->plan->margin),
                             stats_arms_above(&arms, out->plan->margin)};
    out->p = p_of(out->plan, above);
}

/* Events of the strata of a contrast, and their prompts. */
static enum status count_events(struct report_hypothesis *out, struct report_context *context,
                                const int *sign)
{
    const struct report_data *data = context->data;
    uint8_t *seen = arena_alloc(context->arena, (size_t)data->n_items + 1);
    if (!seen)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (!sign[t->stratum] || !(MEASURES[out->plan->of].events >> t->outcome & 1))
            continue;
        out->events++;
        out->event_items += !seen[t->base];
        seen[t->base] = 1;
    }
    return STATUS_OK;
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
    return count_events(out, context, own.sign);
}

enum status report_hypotheses_test(struct report_hypothesis **out, struct report_context *context)
{
    const struct plan *plan = context->data->plan;
    const uint32_t count = plan->n_hypotheses;
    struct report_hypothesis *found =
        arena_array(context->arena, (size_t)count + 1, sizeof(*found));
    double *p = arena_array(context->arena, (size_t)count + 1, sizeof(*p));
    uint32_t *order = arena_array(context->arena, (size_t)count + 1, sizeof(*order));
    struct sides sides;
    if (!found || !p || !order || make_sides(&sides, context))
        return STATUS_MEMORY;
    *out = found;
    for (uint32_t i = 0; i < count; i++) {
        found[i].plan = &plan->hypothesis[i];
        found[i].alpha = plan->hypothesis[i].alpha * context->spends;
        const enum status st = test_one(&found[i], context, &sides);
        if (st)
            return st;
        p[i] = isnan(found[i].p) ? NAN : fmin(found[i].p / context->spends, 1);
    }
    stats_test_holm(p, p, order, count);
    for (uint32_t i = 0; i < count; i++) {
        found[i].adjusted = p[i];
        found[i].holds = p[i] <= found[i].plan->alpha;
    }
    return STATUS_OK;
}

static const struct report_column COLUMNS[] = {
    {"name", "hypothesis", REPORT_TEXT, REPORT_ALONE},
    {"contrast", "contrast", REPORT_TEXT, REPORT_ALONE},
    {"of", "of", REPORT_TEXT, REPORT_ALONE},
    {"verdict", "verdict", REPORT_TEXT, REPORT_ALONE},
    {"estimate", "estimate, points", REPORT_PERCENT, REPORT_BOUNDS},
    {"estimate_low", NULL, REPORT_PERCENT, REPORT_ALONE},
    {"estimate_high", NULL, REPORT_PERCENT, REPORT_ALONE},
    {"p", "p", REPORT_P, REPORT_ALONE},
    {"adjusted", "p, Holm", REPORT_P, REPORT_ALONE},
    {"alpha", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"tested_low", NULL, REPORT_PERCENT, REPORT_ALONE},
    {"tested_high", NULL, REPORT_PERCENT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("first", "first side, %"),
    REPORT_RATE_COLUMNS("second", "second side, %"),
    {"correlation", "correlation", REPORT_NUMBER, REPORT_ALONE},
    {"se_points", "slope: standard error, points", REPORT_NUMBER, REPORT_ALONE},
    {"df", "slope: df", REPORT_NUMBER, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},
    {"event_items", "prompts with events", REPORT_COUNT, REPORT_ALONE},
};

bool report_hypothesis_is_trend(const struct report_hypothesis *hypothesis)
{
    return is_trend(hypothesis->plan);
}

/* With events from fewer prompts the variance over prompts says little. */
#define HYPOTHESES_PROMPTS 5

static const char *events_text(struct arena *arena, const struct report_hypothesis *h)
{
    if (h->events == 0)
        return "; no event on either side";
    if (h->event_items >= HYPOTHESES_PROMPTS)
        return "";
    if (h->event_items == 1)
        return arena_printf(arena, "; %s from one prompt",
                            h->events == 1 ? "its one event comes" : "all its events come");
    return arena_printf(arena, "; its %" PRIu64 " events come from %" PRIu32 " prompts", h->events,
                        h->event_items);
}

/* The bound of a one-sided claim. */
static const char *bound_text(struct arena *arena, const struct report_hypothesis *h)
{
    const int decimals = report_interval_decimals(h->tested);
    const double level = 100 * (1 - h->alpha);
    const char *unit = is_trend(h->plan) ? " a step" : "";
    if (isnan(h->p) || decimals < 0)
        return "";
    switch (h->plan->relation) {
    case PLAN_GREATER:
    case PLAN_RISES:
        return arena_printf(arena, " (one-sided at %g %%: at least %+.*f points%s)", level,
                            decimals, 100 * h->tested.low, unit);
    case PLAN_LESS:
    case PLAN_FALLS:
        return arena_printf(arena, " (one-sided at %g %%: at most %+.*f points%s)", level, decimals,
                            100 * h->tested.high, unit);
    case PLAN_EQUIVALENT:
        return arena_printf(
            arena, " (two one-sided tests at %g %%: from %+.*f to %+.*f points, margin %g)", level,
            decimals, 100 * h->tested.low, decimals, 100 * h->tested.high, 100 * h->plan->margin);
    default:
        return arena_printf(arena, " (two-sided at %g %%)", level);
    }
}

const char *report_hypothesis_verdict(struct arena *arena,
                                      const struct report_hypothesis *hypothesis)
{
    const char *bound = bound_text(arena, hypothesis), *events = events_text(arena, hypothesis);
    return bound && events ? arena_printf(arena, "%s%s%s",
                                          isnan(hypothesis->p) ? "cannot be tested"
                                          : hypothesis->holds  ? "supported"
                                                               : "not supported",
                                          bound, events)
                           : NULL;
}

const char *report_hypothesis_estimate(struct arena *arena,
                                       const struct report_hypothesis *hypothesis,
                                       double confidence)
{
    const struct report_hypothesis *h = hypothesis;
    const int decimals = report_interval_decimals(h->bounds);
    char side[2][REPORT_INTERVAL_TEXT];
    const char *from;
    if (is_trend(h->plan)) {
        from = arena_printf(arena, "t, standard error %.4g, df %.4g",
                            100 * sqrt(h->estimate.variance), h->estimate.df);
    } else {
        for (int s = 0; s < 2; s++)
            report_interval_text(side[s], &h->side[s], confidence);
        from = arena_printf(arena, "Newcombe of %s and %s, correlation %.3g", side[0], side[1],
                            h->correlation);
    }
    return from ? arena_printf(arena, "%+.*f points%s [%+.*f, %+.*f] (%g %%: %s)", decimals,
                               100 * h->estimate.rate, is_trend(h->plan) ? " a step" : "", decimals,
                               100 * h->bounds.low, decimals, 100 * h->bounds.high,
                               100 * confidence, from)
                : NULL;
}

static void fill_from(struct report_table *out, uint32_t row, const struct report_hypothesis *h)
{
    if (is_trend(h->plan)) {
        report_table_set(out, row, "se_points", 100 * sqrt(h->estimate.variance));
        report_table_set(out, row, "df", h->estimate.df);
        return;
    }
    report_figure_interval(out, row, "first", &h->side[0]);
    report_figure_interval(out, row, "second", &h->side[1]);
    report_table_set(out, row, "correlation", h->correlation);
}

static void fill_row(struct report_table *out, uint32_t row, const struct report_hypothesis *h)
{
    report_table_text(out, row, "name", h->plan->name);
    report_table_text(out, row, "contrast", h->plan->contrast);
    report_table_text(out, row, "of", MEASURES[h->plan->of].text);
    report_table_set(out, row, "trials", (double)h->trials);
    report_table_set(out, row, "events", (double)h->events);
    report_table_set(out, row, "event_items", h->event_items);
    report_table_set(out, row, "estimate", h->estimate.rate);
    report_table_set(out, row, "estimate_low", h->bounds.low);
    report_table_set(out, row, "estimate_high", h->bounds.high);
    report_table_set(out, row, "p", h->p);
    report_table_set(out, row, "adjusted", h->adjusted);
    report_table_set(out, row, "alpha", h->plan->alpha);
    if (isnan(h->p))
        return;
    const enum plan_relation r = h->plan->relation;
    if (r == PLAN_GREATER || r == PLAN_RISES || r == PLAN_EQUIVALENT)
        report_table_set(out, row, "tested_low", h->tested.low);
    if (r == PLAN_LESS || r == PLAN_FALLS || r == PLAN_EQUIVALENT)
        report_table_set(out, row, "tested_high", h->tested.high);
}

enum status report_hypotheses_table(struct report_table *out, struct report_context *context)
{
    struct report_hypothesis *found = NULL;
    const uint32_t count = context->data->plan->n_hypotheses;
    const char *look = report_context_look(context);
    out->id = "hypotheses";
    out->caption = arena_printf(
        context->arena,
        "Hypotheses fixed in the plan: difference of rates, or slope for each step of the "
        "dimension, in percentage points with %g %% intervals. Differences by Newcombe's hybrid of "
        "the two sides' clustered intervals and the correlation of their rates, slopes by t with "
        "standard error and df; p-values adjusted by Holm. One-sided claims show their bound at "
        "alpha, of each hypothesis alone.%s",
        100 * context->confidence, look ? look : "");
    enum status st = look ? report_hypotheses_test(&found, context) : STATUS_MEMORY;
    st = st ? st
            : report_table_init(out, context->arena, count, COLUMNS,
                                sizeof(COLUMNS) / sizeof(*COLUMNS));
    for (uint32_t i = 0; !st && i < count; i++) {
        const char *verdict = report_hypothesis_verdict(context->arena, &found[i]);
        fill_row(out, i, &found[i]);
        fill_from(out, i, &found[i]);
        report_table_text(out, i, "verdict", verdict);
        st = verdict && out->caption ? STATUS_OK : STATUS_MEMORY;
    }
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Coefficients of a slope over groups, passed to the strata within them. */
#include "inject/report/report_trend.h"

#include <math.h>

#include "inject/stats/stats_test.h"

/* Group of each stratum; false if a stratum's trials are in two groups. Strata without a group keep
 * REPORT_NONE. */
static bool group_of_strata(uint32_t *out, const struct report_data *data,
                            const struct report_groups *groups)
{
    for (uint32_t h = 0; h < data->n_strata; h++)
        out[h] = REPORT_NONE;
    for (uint32_t g = 0; g < groups->count; g++) {
        for (size_t k = groups->first[g]; k < groups->first[g + 1]; k++) {
            uint32_t *own = &out[data->trial[groups->index[k]].stratum];
            if (*own != REPORT_NONE && *own != g)
                return false;
            *own = g;
        }
    }
    return true;
}

struct slope {
    uint32_t *group;                /* (n_strata) */
    double *position, *coefficient; /* of groups with trials */
    double *weight;                 /* (groups): sum of their strata's */
    uint32_t count;
};

static enum status make_slope(struct slope *out, struct report_context *context,
                              const struct report_groups *groups)
{
    struct arena *arena = context->arena;
    out->group = arena_array(arena, (size_t)context->data->n_strata + 1, sizeof(*out->group));
    out->position = arena_array(arena, (size_t)groups->count + 1, sizeof(*out->position));
    out->coefficient = arena_array(arena, (size_t)groups->count + 1, sizeof(*out->coefficient));
    out->weight = arena_array(arena, (size_t)groups->count + 1, sizeof(*out->weight));
    return out->group && out->position && out->coefficient && out->weight ? STATUS_OK
                                                                          : STATUS_MEMORY;
}

/* 1 if strata have no weights: a group is then one stratum. */
static double weight_of(const struct report_data *data, uint32_t stratum)
{
    const double weight = data->stratum[stratum].weight;
    return isnan(weight) ? 1 : weight;
}

static void fill_slope(struct slope *slope, const struct report_data *data,
                       const struct report_groups *groups)
{
    uint32_t *place = slope->group; /* becomes the index among groups with trials */
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (place[h] != REPORT_NONE)
            slope->weight[place[h]] += weight_of(data, h);
    }
    for (uint32_t g = 0; g < groups->count; g++) {
        if (report_groups_size(groups, g) == 0)
            continue;
        slope->position[slope->count] = g;
        slope->weight[slope->count] = slope->weight[g];
        for (uint32_t h = 0; h < data->n_strata; h++) {
            if (place[h] == g)
                place[h] = slope->count;
        }
        slope->count++;
    }
    stats_test_trend_coefficients(slope->coefficient, slope->position, slope->count);
}

static void set_text(struct report_trend *out, const struct stats_cluster_estimate *e,
                     struct report_context *context)
{
    char p[REPORT_INTERVAL_TEXT];
    const int decimals = report_interval_decimals(out->bounds);
    report_interval_p(p, out->p);
    out->text = arena_printf(
        context->arena,
        "Trend of SDC: %+.*f points a layer [%+.*f, %+.*f] (%g %%: t, standard error %.4g, df "
        "%.4g), p %s%s (least squares over layers, clustered variance).",
        decimals, 100 * out->slope, decimals, 100 * out->bounds.low, decimals,
        100 * out->bounds.high, 100 * context->confidence, 100 * sqrt(e->variance), e->df,
        *p == '<' ? "" : "= ", p);
}

enum status report_trend_of_groups(struct report_trend *out, struct report_context *context,
                                   const struct report_groups *groups, report_events events)
{
    const struct report_data *data = context->data;
    struct slope slope = {0};
    struct stats_cluster_data all;
    struct stats_cluster_estimate e;
    *out = (struct report_trend){
        .text = "No trend is given: strata span several layers, so none follows from them."};
    if (make_slope(&slope, context, groups))
        return STATUS_MEMORY;
    if (!group_of_strata(slope.group, data, groups))
        return STATUS_OK;
    fill_slope(&slope, data, groups);
    report_rate_data(&all, context->work, &(struct report_query){.events = events});
    double mean_rate = 0, mean_position = 0;
    for (uint32_t h = 0, at = 0; h < data->n_strata; h++) {
        if (context->work->touched[h] == 0)
            continue;
        const uint32_t g = slope.group[h];
        all.stratum[at++].weight =
            g == REPORT_NONE ? 0 : slope.coefficient[g] * weight_of(data, h) / slope.weight[g];
    }
    stats_cluster_contrast(&e, &all);
    for (uint32_t h = 0, at = 0; h < data->n_strata; h++) {
        if (context->work->touched[h] == 0)
            continue;
        const uint32_t g = slope.group[h];
        const double rate = all.stratum[at++].rate;
        mean_rate +=
            g == REPORT_NONE ? 0 : rate * weight_of(data, h) / slope.weight[g] / slope.count;
    }
    for (uint32_t g = 0; g < slope.count; g++)
        mean_position += slope.position[g] / slope.count;
    out->known = slope.count > 1 && !isnan(e.rate) && e.variance > 0;
    if (!out->known)
        return STATUS_OK;
    out->slope = e.rate;
    out->intercept = mean_rate - e.rate * mean_position;
    out->bounds = stats_cluster_contrast_interval(&e, report_figure_level(context));
    const double above = stats_cluster_contrast_above(&e, 0);
    out->p = fmin(1, 2 * fmin(above, 1 - above));
    set_text(out, &e, context);
    return out->text ? STATUS_OK : STATUS_MEMORY;
}

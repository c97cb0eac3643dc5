/* SPDX-License-Identifier: MIT */
/* Replicates as counts per cluster, so that a replicate is one pass over the trials. */
#include "inject/stats/stats_bootstrap.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/sort.h"

static void resample(uint32_t *times, uint32_t clusters, struct rng *rng)
{
    memset(times, 0, sizeof(*times) * clusters);
    for (uint32_t g = 0; g < clusters; g++)
        times[rng_below(rng, clusters)]++;
}

static void keep(uint32_t *times, uint32_t clusters)
{
    for (uint32_t g = 0; g < clusters; g++)
        times[g] = 1;
}

/* The weighted rate with each trial counted times[item] times[fault] times. */
static double replicate_rate(const struct stats_bootstrap_params *params)
{
    const struct stats_cluster_data *data = params->data;
    const uint32_t *item = params->times, *fault = params->times + data->n_items;
    double numerator = 0, denominator = 0;
    size_t k = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        double weight = 0, counted = 0, value = 0;
        for (; k < data->n_trials && data->trial[k].stratum == h; k++) {
            const struct stats_cluster_trial *t = &data->trial[k];
            const double w = t->weight * item[t->item] * fault[t->fault];
            weight += w;
            counted += t->counted ? w : 0;
            value += t->counted ? w * t->value : 0;
        }
        if (weight > 0) {
            numerator += data->stratum[h].weight * value / weight;
            denominator += data->stratum[h].weight * counted / weight;
        }
    }
    return denominator > 0 ? numerator / denominator : NAN;
}

void stats_bootstrap_run(struct stats_bootstrap_result *out,
                         const struct stats_bootstrap_params *params)
{
    const struct stats_cluster_data *data = params->data;
    uint32_t *item = params->times, *fault = params->times + data->n_items;
    double sum = 0, squares = 0;

    assert(params->replicates >= 2);
    *out = (struct stats_bootstrap_result){0, NAN, NAN};
    keep(item, data->n_items);
    keep(fault, data->n_faults);
    for (uint32_t r = 0; r < params->replicates; r++) {
        struct rng rng;
        rng_init(&rng, params->seed, r);
        if (params->unit != STATS_BOOTSTRAP_FAULT)
            resample(item, data->n_items, &rng);
        if (params->unit != STATS_BOOTSTRAP_ITEM)
            resample(fault, data->n_faults, &rng);
        const double rate = replicate_rate(params);
        if (!isnan(rate))
            params->rate[out->defined++] = rate;
    }
    if (out->defined < 2)
        return;
    sort_doubles(params->rate, out->defined);
    for (uint32_t r = 0; r < out->defined; r++)
        sum += params->rate[r];
    out->mean = sum / out->defined;
    for (uint32_t r = 0; r < out->defined; r++)
        squares += (params->rate[r] - out->mean) * (params->rate[r] - out->mean);
    out->error = sqrt(squares / (out->defined - 1));
}

/* The p-th quantile as an order statistic between ranks; the outermost rate beyond them. */
static double order_statistic(const double *rate, uint32_t count, double p)
{
    const double rank = p * (count + 1.) - 1;
    if (rank <= 0)
        return rate[0];
    if (rank >= count - 1.)
        return rate[count - 1];
    const double below = floor(rank);
    const uint32_t at = (uint32_t)below;
    return rate[at] + (rank - below) * (rate[at + 1] - rate[at]);
}

struct stats_interval stats_bootstrap_interval(const double *rate, uint32_t defined,
                                               struct stats_interval_level level)
{
    const double tail = stats_interval_tail(level);
    if (defined < 2)
        return (struct stats_interval){0, 1};
    return (struct stats_interval){
        level.side == STATS_INTERVAL_UPPER ? 0 : order_statistic(rate, defined, tail),
        level.side == STATS_INTERVAL_LOWER ? 1 : order_statistic(rate, defined, 1 - tail),
    };
}

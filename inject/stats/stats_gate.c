/* SPDX-License-Identifier: MIT */
/* The bounds of an estimate, now and after it has grown in proportion. */
#include "inject/stats/stats_gate.h"

#include <math.h>

#define GATE_MOST 0x1p40 /* growth beyond which a gate counts as never decided */

static struct stats_cluster_interval one_side(const struct stats_cluster_estimate *estimate,
                                              const struct stats_gate_request *request,
                                              enum stats_interval_side side)
{
    const struct stats_cluster_request wanted = {{request->confidence, side}, request->deff_floor};
    struct stats_cluster_interval interval;
    stats_cluster_interval(&interval, estimate, &wanted);
    return interval;
}

static double one_bound(const struct stats_cluster_estimate *estimate,
                        const struct stats_gate_request *request, enum stats_interval_side side)
{
    const struct stats_cluster_interval interval = one_side(estimate, request, side);
    return side == STATS_INTERVAL_UPPER ? interval.bounds.high : interval.bounds.low;
}

/* The part of the variance that no further trial on the same items reduces: the items' own. */
static double kept_by_items(const struct stats_cluster_estimate *estimate)
{
    const double between = estimate->v_item - estimate->v_cell;
    return between > 0 ? fmin(between, estimate->variance) : 0;
}

/* The same rate from `factor` times the trials, on as many times the items or on the same ones. */
static struct stats_cluster_estimate grown(const struct stats_cluster_estimate *estimate,
                                           double factor, bool same_items)
{
    struct stats_cluster_estimate e = *estimate;
    const double kept = same_items ? kept_by_items(estimate) : 0;
    e.counted = (uint64_t)llround((double)e.counted * factor);
    e.events = (uint64_t)llround((double)e.events * factor);
    e.variance = kept + (e.variance - kept) / factor;
    e.n_effective *= estimate->variance > 0 ? estimate->variance / e.variance : factor;
    e.n_proportional *= factor;
    e.n_zero *= factor;
    if (kept > 0)
        return e; /* few items stay few, and so df and skew stay */
    e.df *= factor;
    e.skew /= sqrt(factor);
    return e;
}

static bool clears(const struct stats_cluster_estimate *estimate,
                   const struct stats_gate_request *request, bool pass)
{
    if (pass)
        return one_bound(estimate, request, STATS_INTERVAL_UPPER) <= request->limit;
    return one_bound(estimate, request, STATS_INTERVAL_LOWER) > request->limit;
}

static uint64_t more_trials(const struct stats_cluster_estimate *estimate,
                            const struct stats_gate_request *request, bool pass, bool same_items)
{
    double low = 1, high = 2;
    struct stats_cluster_estimate e = grown(estimate, high, same_items);
    while (!clears(&e, request, pass)) {
        low = high;
        high *= 2;
        if (high > GATE_MOST || (double)estimate->trials * high > 0x1p60)
            return STATS_GATE_NEVER;
        e = grown(estimate, high, same_items);
    }
    while ((high - low) * (double)estimate->trials > 0.5 && high - low > 1e-6 * high) {
        const double mid = low + (high - low) / 2;
        e = grown(estimate, mid, same_items);
        if (clears(&e, request, pass))
            high = mid;
        else
            low = mid;
    }
    return (uint64_t)ceil((high - 1) * (double)estimate->trials);
}

static void name_more(struct stats_gate_result *out, const struct stats_cluster_estimate *estimate,
                      const struct stats_gate_request *request)
{
    out->more = more_trials(estimate, request, out->would_pass, false);
    if (out->more == STATS_GATE_NEVER)
        return;
    const uint64_t same = more_trials(estimate, request, out->would_pass, true);
    out->items =
        (uint64_t)ceil((double)estimate->items * (double)out->more / (double)estimate->trials);
    out->growth = same == STATS_GATE_NEVER ? STATS_GATE_PROMPTS
                  : same / 2 > out->more   ? STATS_GATE_BOTH
                                           : STATS_GATE_TRIALS;
}

void stats_gate_decide(struct stats_gate_result *out, const struct stats_cluster_estimate *estimate,
                       const struct stats_gate_request *request)
{
    *out = (struct stats_gate_result){
        .verdict = STATS_GATE_UNDECIDED,
        .of_lower = one_side(estimate, request, STATS_INTERVAL_LOWER),
        .of_upper = one_side(estimate, request, STATS_INTERVAL_UPPER),
        .more = STATS_GATE_NEVER,
        .would_pass = estimate->rate < request->limit,
    };
    out->lower = out->of_lower.bounds.low;
    out->upper = out->of_upper.bounds.high;
    if (isnan(estimate->rate))
        return;
    if (out->upper <= request->limit)
        out->verdict = STATS_GATE_PASS;
    else if (out->lower > request->limit)
        out->verdict = STATS_GATE_FAIL;
    if (out->verdict != STATS_GATE_UNDECIDED)
        out->more = 0;
    else if (estimate->rate < request->limit || estimate->rate > request->limit)
        name_more(out, estimate, request);
}

/* SPDX-License-Identifier: MIT */
/* The bounds of an estimate, now and after it has grown in proportion. */
#include "inject/stats/stats_gate.h"

#include <math.h>

#define GATE_MOST 0x1p40 /* growth beyond which a gate counts as never decided */

static double one_bound(const struct stats_cluster_estimate *estimate,
                        const struct stats_gate_request *request, enum stats_interval_side side)
{
    const struct stats_cluster_request wanted = {{request->confidence, side}, request->deff_floor};
    struct stats_cluster_interval interval;
    stats_cluster_interval(&interval, estimate, &wanted);
    return side == STATS_INTERVAL_UPPER ? interval.bounds.high : interval.bounds.low;
}

/* The same rate from `factor` times the trials. */
static struct stats_cluster_estimate grown(const struct stats_cluster_estimate *estimate,
                                           double factor)
{
    struct stats_cluster_estimate e = *estimate;
    e.counted = (uint64_t)llround((double)e.counted * factor);
    e.events = (uint64_t)llround((double)e.events * factor);
    e.variance /= factor;
    e.n_effective *= factor;
    e.n_proportional *= factor;
    e.n_zero *= factor;
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
                            const struct stats_gate_request *request, bool pass)
{
    double low = 1, high = 2;
    struct stats_cluster_estimate e = grown(estimate, high);
    while (!clears(&e, request, pass)) {
        low = high;
        high *= 2;
        if (high > GATE_MOST || (double)estimate->trials * high > 0x1p60)
            return STATS_GATE_NEVER;
        e = grown(estimate, high);
    }
    while ((high - low) * (double)estimate->trials > 0.5 && high - low > 1e-6 * high) {
        const double mid = low + (high - low) / 2;
        e = grown(estimate, mid);
        if (clears(&e, request, pass))
            high = mid;
        else
            low = mid;
    }
    return (uint64_t)ceil((high - 1) * (double)estimate->trials);
}

void stats_gate_decide(struct stats_gate_result *out, const struct stats_cluster_estimate *estimate,
                       const struct stats_gate_request *request)
{
    *out = (struct stats_gate_result){
        .verdict = STATS_GATE_UNDECIDED,
        .lower = one_bound(estimate, request, STATS_INTERVAL_LOWER),
        .upper = one_bound(estimate, request, STATS_INTERVAL_UPPER),
        .more = STATS_GATE_NEVER,
        .would_pass = estimate->rate < request->limit,
    };
    if (isnan(estimate->rate))
        return;
    if (out->upper <= request->limit)
        out->verdict = STATS_GATE_PASS;
    else if (out->lower > request->limit)
        out->verdict = STATS_GATE_FAIL;
    if (out->verdict != STATS_GATE_UNDECIDED)
        out->more = 0;
    else if (estimate->rate < request->limit || estimate->rate > request->limit)
        out->more = more_trials(estimate, request, out->would_pass);
}

/* SPDX-License-Identifier: MIT */
/* Newcombe's hybrid of clustered intervals, turned into p-values by bisection over the level. */
#include "inject/stats/stats_arms.h"

#include <math.h>

#define ARMS_LEAST 1e-12 /* p-values below it are 0 */

double stats_arms_correlation(const struct stats_arms *arms,
                              const struct stats_cluster_estimate *difference)
{
    const double product = arms->first.variance * arms->second.variance;
    const double shared = arms->first.variance + arms->second.variance - difference->variance;
    return product > 0 && !isnan(shared) ? fmax(fmin(shared / 2 / sqrt(product), 1), -1) : 0;
}

static struct stats_cluster_interval side_of(const struct stats_arms *arms, bool second,
                                             double confidence)
{
    struct stats_cluster_interval out;
    stats_cluster_interval(&out, second ? &arms->second : &arms->first,
                           &(struct stats_cluster_request){{confidence, STATS_INTERVAL_BOTH},
                                                           arms->deff_floor[second]});
    return out;
}

static bool is_known(const struct stats_arms *arms)
{
    return side_of(arms, false, 0.5).method != STATS_CLUSTER_UNKNOWN &&
           side_of(arms, true, 0.5).method != STATS_CLUSTER_UNKNOWN;
}

struct stats_interval stats_arms_interval(const struct stats_arms *arms,
                                          struct stats_interval_level level)
{
    const double confidence = 1 - 2 * stats_interval_tail(level);
    const struct stats_interval both = stats_interval_difference(&(struct stats_interval_pair){
        .first = arms->first.rate,
        .second = arms->second.rate,
        .of_first = side_of(arms, false, confidence).bounds,
        .of_second = side_of(arms, true, confidence).bounds,
        .correlation = arms->correlation,
    });
    return (struct stats_interval){
        level.side == STATS_INTERVAL_UPPER || !is_known(arms) ? -1 : both.low,
        level.side == STATS_INTERVAL_LOWER || !is_known(arms) ? 1 : both.high,
    };
}

/* True if the bound on null's side has passed it at this one-sided alpha. */
static bool clears(const struct stats_arms *arms, double null, bool above, double alpha)
{
    const struct stats_interval both = stats_arms_interval(
        arms, (struct stats_interval_level){1 - 2 * alpha, STATS_INTERVAL_BOTH});
    return above ? both.low > null : both.high <= null;
}

double stats_arms_above(const struct stats_arms *arms, double null)
{
    const double difference = arms->first.rate - arms->second.rate;
    const bool above = difference > null;
    double low = log(ARMS_LEAST), high = log(0.5);
    if (!is_known(arms))
        return NAN;
    if (clears(arms, null, above, ARMS_LEAST))
        return above ? 0 : 1;
    while (high - low > 1e-9) {
        const double mid = low + (high - low) / 2;
        if (clears(arms, null, above, exp(mid)))
            high = mid;
        else
            low = mid;
    }
    return above ? exp(high) : 1 - exp(high);
}

/* SPDX-License-Identifier: MIT */
/* Wilson, Clopper-Pearson, the zero-event rule, and differences of two intervals. */
#include "inject/stats/stats_interval.h"

#include <math.h>
#include <stdbool.h>

#include "inject/stats/stats_special.h"

static const struct stats_interval INTERVAL_UNKNOWN = {0, 1};

static bool is_usable(double rate, double n, struct stats_interval_level level)
{
    return rate >= 0 && rate <= 1 && n > 0 && level.confidence > 0 && level.confidence < 1;
}

static struct stats_interval one_side(struct stats_interval both, enum stats_interval_side side)
{
    return (struct stats_interval){
        .low = side == STATS_INTERVAL_UPPER ? 0 : fmax(stats_interval_end(both.low), 0),
        .high = side == STATS_INTERVAL_LOWER ? 1 : fmin(stats_interval_end(both.high), 1),
    };
}

double stats_interval_end(double end)
{
    const double whole = round(end);
    return fabs(end) < 2 && fabs(end - whole) < STATS_INTERVAL_LEAST ? whole : end;
}

double stats_interval_tail(struct stats_interval_level level)
{
    return (1 - level.confidence) / (level.side == STATS_INTERVAL_BOTH ? 2 : 1);
}

struct stats_interval stats_interval_wilson(double rate, double n,
                                            struct stats_interval_level level)
{
    if (!is_usable(rate, n, level))
        return INTERVAL_UNKNOWN;
    const double z = -stats_special_normal_quantile(stats_interval_tail(level));
    const double share = z * z / n;
    const double centre = (rate + share / 2) / (1 + share);
    const double half = z / (1 + share) * sqrt(rate * (1 - rate) / n + share / (4 * n));
    /* at the ends the formula gives 0 and 1 only up to rounding */
    const struct stats_interval both = {
        rate == 0 ? 0 : centre - half,
        rate == 1 ? 1 : centre + half,
    };
    return one_side(both, level.side);
}

struct stats_interval stats_interval_zero(double n, struct stats_interval_level level)
{
    if (!is_usable(0, n, level))
        return INTERVAL_UNKNOWN;
    const struct stats_interval both = {0, -expm1(log(stats_interval_tail(level)) / n)};
    return one_side(both, level.side);
}

struct stats_interval stats_interval_clopper_pearson(double events, double n,
                                                     struct stats_interval_level level)
{
    if (!is_usable(events / n, n, level))
        return INTERVAL_UNKNOWN;
    const double tail = stats_interval_tail(level);
    struct stats_interval both = stats_interval_zero(n, level);
    if (events > 0 && events < n)
        both.high = 1 - stats_special_beta_quantile(tail, n - events, events + 1);
    if (events > 0)
        both.low = stats_special_beta_quantile(tail, events, n - events + 1);
    if (events == n)
        both.high = 1;
    return one_side(both, level.side);
}

struct stats_interval stats_interval_difference(const struct stats_interval_pair *pair)
{
    const double r = 2 * pair->correlation;
    const double first_down = pair->first - pair->of_first.low;
    const double first_up = pair->of_first.high - pair->first;
    const double second_down = pair->second - pair->of_second.low;
    const double second_up = pair->of_second.high - pair->second;
    const double down =
        first_down * first_down - r * first_down * second_up + second_up * second_up;
    const double up = first_up * first_up - r * first_up * second_down + second_down * second_down;
    const double difference = pair->first - pair->second;
    if (isnan(difference) || isnan(down) || isnan(up))
        return (struct stats_interval){-1, 1};
    return (struct stats_interval){
        stats_interval_end(fmax(difference - sqrt(fmax(down, 0)), -1)),
        stats_interval_end(fmin(difference + sqrt(fmax(up, 0)), 1)),
    };
}

/* SPDX-License-Identifier: MIT */
/* Product over times of the share that survives. */
#include "inject/stats/stats_survival.h"

#include <math.h>

#include "inject/stats/stats_special.h"

/* S^exp(-+ z se / (S |ln S|)): stays within 0 and 1. */
static struct stats_interval log_log_bounds(double survival, double error,
                                            struct stats_interval_level level)
{
    if (!(survival > 0 && survival < 1))
        return (struct stats_interval){0, 1};
    const double z = -stats_special_normal_quantile(stats_interval_tail(level));
    const double width = z * error / (survival * -log(survival));
    return (struct stats_interval){
        level.side == STATS_INTERVAL_UPPER ? 0 : stats_interval_end(pow(survival, exp(width))),
        level.side == STATS_INTERVAL_LOWER ? 1 : stats_interval_end(pow(survival, exp(-width))),
    };
}

void stats_survival_curve(struct stats_survival_point *out,
                          const struct stats_survival_input *input,
                          struct stats_interval_level level)
{
    uint64_t at_risk = 0;
    double survival = 1, sum = 0;
    for (size_t i = 0; i < input->count; i++)
        at_risk += input->events[i] + input->censored[i];
    for (size_t i = 0; i < input->count; i++) {
        const double n = (double)at_risk, d = (double)input->events[i];
        survival *= (n - d) / n;
        sum += d / (n * (n - d));
        const double error = survival == 0 ? 0 : survival * sqrt(sum);
        out[i] = (struct stats_survival_point){
            .time = input->time[i],
            .at_risk = at_risk,
            .events = input->events[i],
            .censored = input->censored[i],
            .survival = survival,
            .error = error,
            .bounds = log_log_bounds(survival, error, level),
        };
        at_risk -= input->events[i] + input->censored[i];
    }
}

double stats_survival_quantile(const struct stats_survival_point *curve, size_t count, double share)
{
    for (size_t i = 0; i < count; i++) {
        if (curve[i].survival <= 1 - share)
            return curve[i].time;
    }
    return INFINITY;
}

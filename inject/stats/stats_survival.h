/* SPDX-License-Identifier: MIT */
/* Time to an event that some trials never have: the Kaplan-Meier curve. */
#ifndef VKFI_INJECT_STATS_SURVIVAL_H
#define VKFI_INJECT_STATS_SURVIVAL_H

#include <stddef.h>
#include <stdint.h>

#include "inject/stats/stats_interval.h"

/* Trials by time, in tokens: at time[i] (rising), events[i] first differ and censored[i] end
 * without a difference; the latter are at risk up to that time. */
struct stats_survival_input {
    const double *time;
    const uint64_t *events, *censored;
    size_t count;
};

struct stats_survival_point {
    double time;
    uint64_t at_risk, events, censored;
    double survival; /* share not yet different after this time; NaN with nothing at risk */
    double error;    /* Greenwood's; 0 once survival is 0                                */
    struct stats_interval bounds; /* on the log(-log) scale; [0, 1] while that is undefined */
};

/* out[i] for each time (Kaplan and Meier 1958; Greenwood 1926; Kalbfleisch and Prentice 2002, 1.4).
 * Trials count as independent. */
void stats_survival_curve(struct stats_survival_point *out,
                          const struct stats_survival_input *input,
                          struct stats_interval_level level);

/* First time at which survival is at most 1 - share (0.5: the median); INFINITY: never. */
double stats_survival_quantile(const struct stats_survival_point *curve, size_t count,
                               double share);

#endif

/* SPDX-License-Identifier: MIT */
/* A quantile of independent values and its interval, whatever they are distributed like. */
#ifndef VKFI_INJECT_STATS_QUANTILE_H
#define VKFI_INJECT_STATS_QUANTILE_H

#include <stdint.h>

struct stats_quantile {
    double value, low, high; /* low -INFINITY, high INFINITY: too few values to say */
};

/* Of (n) values, rising, the least that a share of at least `share` do not exceed; NaN without any.
 * The interval has two order statistics as ends: binomial tails of at most (1 - confidence) / 2
 * each (Conover 1999, 3.2). */
struct stats_quantile stats_quantile_of(const double *value, uint32_t n, double share,
                                        double confidence);

#endif

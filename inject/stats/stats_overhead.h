/* SPDX-License-Identifier: MIT */
/* What one of two kinds of runs takes more time than the other, from pairs of runs that were made
 * side by side. */
#ifndef VKFI_INJECT_STATS_OVERHEAD_H
#define VKFI_INJECT_STATS_OVERHEAD_H

#include <stdint.h>

#include "base/status.h"

/* Each run has the same steps, and step i does the same work in all runs of its kind. */
struct stats_overhead_params {
    const double *plain, *other; /* (pairs, stride) seconds */
    uint32_t pairs, stride;
    uint32_t first, n; /* the steps that count */
    uint64_t seed;
};

/* Shares of plain's time: 0.05 is 5 %. */
struct stats_overhead {
    double share, low, high;
};

/* Each step's median over the pairs, summed over the steps: what disturbs a step of some runs does
 * not count, and a step that is always slow does. Interval of 95 %: percentiles of a bootstrap by
 * pair (Davison and Hinkley 1997, 5.3.1). STATUS_MEMORY (logged). */
enum status stats_overhead_of(struct stats_overhead *out,
                              const struct stats_overhead_params *params) STATUS_MUST_USE;

#endif

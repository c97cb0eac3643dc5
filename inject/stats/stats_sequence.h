/* SPDX-License-Identifier: MIT */
/* Bounds that may be looked at after every trial: time-uniform confidence sequences. */
#ifndef VKFI_INJECT_STATS_SEQUENCE_H
#define VKFI_INJECT_STATS_SEQUENCE_H

#include <stddef.h>

#include "inject/stats/stats_interval.h"

/* A bound m is rejected once a bet against it has grown by 1 / tail: capital prod (1 + g (x - m) /
 * (1 - m)), averaged over a fixed grid of g, is a martingale if the mean is m (Waudby-Smith and
 * Ramdas 2023, proposition 3), and passes 1 / tail with probability at most `tail`, ever (Ville
 * 1939). For x in {0, 1} it is a mixture of likelihood ratios of Bernoulli m (1 + g) to m. The
 * capital depends on the counts alone, so the order of trials and the looks do not matter. */

/* Independent trials of one rate. */
struct stats_interval stats_sequence_bernoulli(double events, double n,
                                               struct stats_interval_level level);

/* Independent observations in [0, 1] of one mean, as the rates of whole items (design nested; with
 * strata sum W_h p_h of the item, sum W_h = 1): dependence of trials within an item does no
 * harm. */
struct stats_interval stats_sequence_bounded(const double *x, size_t n,
                                             struct stats_interval_level level);

/* The number of observations, with a look after each, that first rejects a mean of `mean`; 0: more
 * than n. A rejection stays, so more observations do not change the answer. x in [0, 1]; one-sided
 * levels only. */
size_t stats_sequence_first(const double *x, size_t n, double mean,
                            struct stats_interval_level level);

#endif

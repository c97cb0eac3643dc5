/* SPDX-License-Identifier: MIT */
/* The difference of two stratified rates: interval, and the level at which it decides. */
#ifndef VKFI_INJECT_STATS_ARMS_H
#define VKFI_INJECT_STATS_ARMS_H

#include "inject/stats/stats_cluster.h"

struct stats_arms {
    struct stats_cluster_estimate first, second; /* of stats_cluster_rate */
    double deff_floor[2];                        /* as stats_cluster_request */
    double correlation;                          /* of the two rates, by the items they share */
};

/* (V_1 + V_2 - V) / (2 sqrt(V_1 V_2)), V the variance of the difference (stats_cluster_contrast); 0
 * if a side shows no variance. */
double stats_arms_correlation(const struct stats_arms *arms,
                              const struct stats_cluster_estimate *difference);

/* first - second by Newcombe's hybrid of the two sides' own intervals, which also holds for few or
 * no events. [-1, 1] if nothing is known of a side. */
struct stats_interval stats_arms_interval(const struct stats_arms *arms,
                                          struct stats_interval_level level);

/* P value against "difference <= null": the smallest one-sided alpha whose lower bound is not below
 * null, or 1 - that of the upper bound if the estimate is below it, so that p < alpha and the
 * interval at 1 - 2 alpha agree. NaN if nothing is known of a side. */
double stats_arms_above(const struct stats_arms *arms, double null);

#endif

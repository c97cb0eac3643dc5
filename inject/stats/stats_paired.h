/* SPDX-License-Identifier: MIT */
/* Two arms on the same faults: McNemar's test, the risk difference, equivalence. */
#ifndef VKFI_INJECT_STATS_PAIRED_H
#define VKFI_INJECT_STATS_PAIRED_H

#include "inject/stats/stats_interval.h"

/* Pairs by outcome. Counts are real: pairs that share items are first divided by the design effect
 * of their differences (stats_paired_scale by that of stats_cluster_contrast). */
struct stats_paired_table {
    double both, first_only, second_only, neither;
};

/* All counts over the design effect (>= 1): the table of the equivalent independent pairs. */
struct stats_paired_table stats_paired_scale(const struct stats_paired_table *table,
                                             double design_effect);

/* Two-sided p-values of McNemar's test that both arms have the same rate: the exact binomial one,
 * and the mid-p one, which counts half the observed table (Fagerland, Lydersen, Laake 2013).
 * Integer counts; 1 without discordant pairs. */
double stats_paired_mcnemar_exact(const struct stats_paired_table *table);
double stats_paired_mcnemar_mid(const struct stats_paired_table *table);

/* Score statistic of rate(first) - rate(second) = difference; large if the true one is above (Tango
 * 1998). At 0 it is McNemar's (b - c) / sqrt(b + c). */
double stats_paired_score(const struct stats_paired_table *table, double difference);

/* Tango's interval of the difference: all values that the score does not reject. Within [-1, 1]. */
struct stats_interval stats_paired_interval(const struct stats_paired_table *table,
                                            struct stats_interval_level level);

/* p-values against a margin > 0. Equivalence by two one-sided score tests, |difference| >= margin
 * (Schuirmann 1987; Liu et al. 2002); non-inferiority of `first` where an event is bad: difference
 * >= margin. p <= alpha exactly if the interval at 1 - 2 alpha (one-sided: 1 - alpha) is inside. */
double stats_paired_equivalence(const struct stats_paired_table *table, double margin);
double stats_paired_non_inferiority(const struct stats_paired_table *table, double margin);

#endif

/* SPDX-License-Identifier: MIT */
/* pass@k under faults: the chance that one of k samples of an item is right, with and without
 * them. */
#ifndef VKFI_INJECT_STATS_PASS_H
#define VKFI_INJECT_STATS_PASS_H

#include "inject/stats/stats_cluster.h"

/* The chance that one of k of the samples, drawn without replacement, is right, where sample i is
 * right with chance right[i] (n), apart from the others: 1 - the mean of the products of k of the
 * chances to be wrong. With chances 0 and 1 it is the unbiased estimator of Chen et al. 2021. Each
 * product is linear in each chance, so that unbiased estimates of them, made apart, give an
 * unbiased one, also where some lie outside of [0, 1]. 1 <= k <= n. */
double stats_pass_chance(const double *right, uint32_t n, uint32_t k);

/* Of one unit of a comparison: an item, or a fault on all samples of an item. */
struct stats_pass_pair {
    double golden, faulty;
};

struct stats_pass {
    struct stats_cluster_estimate faulty, gain, fall; /* change: gain - fall */
    double change, correlation;                       /* of gain and fall */
    struct stats_cluster_interval of_faulty;
    struct stats_interval of_change;
};

/* Means over units by their weights, with intervals clustered by items and faults. That of the
 * change: where each item is one unit and at least 10 of them changed, t over items (simulated, 95
 * %: it covers 94 to 98 %, tests/inject/test_stats_pass.c); else Newcombe's hybrid of gains and
 * falls, which has a width where few changed (95 % with shared faults; up to 100 % with few items,
 * and there up to 2.5 times as wide). `data`: the units, whose values are written over; pair:
 * (n_trials) theirs. */
#define STATS_PASS_CHANGED 10
void stats_pass_compare(struct stats_pass *out, struct stats_cluster_data *data,
                        struct stats_cluster_trial *unit, const struct stats_pass_pair *pair,
                        const struct stats_cluster_request *request);

#endif

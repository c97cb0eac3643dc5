/* SPDX-License-Identifier: MIT */
/* Cluster bootstrap of a stratified rate: the cross-check of stats_cluster. */
#ifndef VKFI_INJECT_STATS_BOOTSTRAP_H
#define VKFI_INJECT_STATS_BOOTSTRAP_H

#include <stdint.h>

#include "inject/stats/stats_cluster.h"

enum stats_bootstrap_unit {
    STATS_BOOTSTRAP_ITEM,  /* whole items: design nested                                         */
    STATS_BOOTSTRAP_FAULT, /* whole faults: one item, or design fault_major                      */
    STATS_BOOTSTRAP_BOTH,  /* both at once: design crossed (Owen 2007, "pigeonhole"; never below
                              the true variance, above it by up to twice V_cell)                 */
};

struct stats_bootstrap_params {
    const struct stats_cluster_data *data; /* as for stats_cluster_rate; scratch is not used      */
    enum stats_bootstrap_unit unit;
    uint32_t replicates; /* 2 or more; 2000 for bounds at 95 %                                    */
    uint64_t seed;       /* replicate r is drawn from (seed, r) alone                             */
    uint32_t *times;     /* n_items + n_faults: how often each cluster is in the replicate        */
    double *rate;        /* replicates: filled in, in rising order                                */
};

struct stats_bootstrap_result {
    uint32_t defined;   /* replicates with a rate: the others held no counted trial */
    double mean, error; /* of the rates; error: their standard deviation            */
};

/* Draws clusters with replacement (every index below n_items and n_faults is one: number them
 * without gaps) and computes the rate of stats_cluster_rate anew (Davison and Hinkley 1997, 3.8). A
 * stratum without trials in a replicate is omitted from it. mean and error are NaN with fewer than
 * 2 defined replicates. */
void stats_bootstrap_run(struct stats_bootstrap_result *out,
                         const struct stats_bootstrap_params *params);

/* Percentile interval from `defined` sorted rates: the (defined + 1) p-th order statistics
 * (Davison and Hinkley 1997, 5.3.1). */
struct stats_interval stats_bootstrap_interval(const double *rate, uint32_t defined,
                                               struct stats_interval_level level);

#endif

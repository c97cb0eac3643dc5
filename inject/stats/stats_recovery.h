/* SPDX-License-Identifier: MIT */
/* The share of what faults cost that a protection wins back, with its interval over items. */
#ifndef VKFI_INJECT_STATS_RECOVERY_H
#define VKFI_INJECT_STATS_RECOVERY_H

#include <stdint.h>

#include "inject/stats/stats_interval.h"

/* Weighted sums over an item's trials: of golden's score minus the run's. */
struct stats_recovery_item {
    double without, with; /* the protection */
};

struct stats_recovery_params {
    const struct stats_recovery_item *item; /* (n_items), the independent units */
    uint32_t n_items;
    struct stats_interval_level level; /* both sides */
    uint32_t replicates;               /* 100 or more */
    uint64_t seed;
    uint32_t *times; /* (n_items) scratch */
    double *scratch; /* (replicates) */
};

struct stats_recovery {
    double recovery; /* 1 - sum with / sum without; NaN: nothing was lost without it */
    double error;    /* its standard error, linearised over items (Cochran 1977, 6.4) */
    /* Bootstrap-t by item (Efron and Tibshirani 1993, 12.5): replicates of (ratio - estimate) /
     * error. Not cut at 0: a protection may do harm; at most 1 where no sum `with` is below 0.
     * Where nothing is lost with it, or nothing won back, the end on the other side is that of no
     * event among Kish's number of items. [-inf, 1] if fewer than 2 items have losses. */
    struct stats_interval bounds;
    double items; /* Kish's effective number of items with losses */
    double net;   /* sum without - sum with: what is won back, less what the protection costs */
    struct stats_interval
        net_bounds; /* the same bootstrap; infinite if fewer than 2 items differ */
};

void stats_recovery_run(struct stats_recovery *out, const struct stats_recovery_params *params);

#endif

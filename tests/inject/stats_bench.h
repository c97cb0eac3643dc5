/* SPDX-License-Identifier: MIT */
/* Trials of clustered designs in memory, for tests of statistics. */
#ifndef VKFI_TESTS_STATS_BENCH_H
#define VKFI_TESTS_STATS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "inject/stats/stats_cluster.h"

#define MOST 4000

static struct stats_cluster_trial trial[MOST];
static struct stats_cluster_stratum stratum[4];
static double scratch[3 * MOST];

static const struct stats_cluster_request two_sided = {{0.95, STATS_INTERVAL_BOTH}, 1};

static inline void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * (expected == 0 ? 1 : fabs(expected))))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static inline struct stats_cluster_data data_of(size_t n, uint32_t strata)
{
    memset(stratum, 0, sizeof(stratum));
    for (uint32_t h = 0; h < strata; h++)
        stratum[h].weight = 1;
    return (struct stats_cluster_data){trial, n, stratum, strata, MOST, MOST, MOST, scratch};
}

/* items x faults trials in one stratum, the first `events` of a shuffle by a fixed step events. */
static inline struct stats_cluster_data grid(uint32_t items, uint32_t faults, uint32_t events)
{
    const uint32_t n = items * faults;
    for (uint32_t k = 0; k < n; k++)
        trial[k] = (struct stats_cluster_trial){0, k / faults, k % faults, k, true, 0, 1};
    for (uint32_t k = 0; k < events; k++)
        trial[(uint64_t)k * 7919 % n].value = 1;
    return data_of(n, 1);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Sums of medians, and their bootstrap. */
#include "inject/stats/stats_overhead.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/sort.h"

#define REPLICATES 1999u

/* The median of (n), which it sorts. */
static double median(double *value, uint32_t n)
{
    sort_doubles(value, n);
    return (value[(n - 1) / 2] + value[n / 2]) / 2;
}

/* `pair`: those drawn, (pairs); `room`: (pairs). */
static double sum(const struct stats_overhead_params *p, const double *time, const uint32_t *pair,
                  double *room)
{
    double total = 0;
    for (uint32_t step = p->first; step < p->first + p->n; step++) {
        for (uint32_t i = 0; i < p->pairs; i++)
            room[i] = time[(size_t)pair[i] * p->stride + step];
        total += median(room, p->pairs);
    }
    return total;
}

static double ratio(const struct stats_overhead_params *p, const uint32_t *pair, double *room)
{
    return sum(p, p->other, pair, room) / sum(p, p->plain, pair, room) - 1;
}

enum status stats_overhead_of(struct stats_overhead *out,
                              const struct stats_overhead_params *params)
{
    const uint32_t n = params->pairs;
    double *room = malloc((n + REPLICATES) * sizeof(*room)), *replicate = room ? room + n : NULL;
    uint32_t *pair = malloc(n * sizeof(*pair));
    const bool ok = room && pair;
    if (!ok) {
        log_error("no host memory for the times of %u pairs", n);
    } else {
        for (uint32_t i = 0; i < n; i++)
            pair[i] = i;
        out->share = ratio(params, pair, room);
        for (uint32_t r = 0; r < REPLICATES; r++) {
            struct rng rng;
            rng_init(&rng, params->seed, r);
            for (uint32_t i = 0; i < n; i++)
                pair[i] = (uint32_t)rng_below(&rng, n);
            replicate[r] = ratio(params, pair, room);
        }
        sort_doubles(replicate, REPLICATES);
        out->low = replicate[(REPLICATES + 1) / 40 - 1];
        out->high = replicate[REPLICATES - (REPLICATES + 1) / 40];
    }
    free(room);
    free(pair);
    return ok ? STATUS_OK : STATUS_MEMORY;
}

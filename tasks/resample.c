/* SPDX-License-Identifier: MIT */
/* Sums of drawn rows; each resample has its own stream of draws. */
#include "tasks/resample.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/sort.h"

#define TAIL 40 /* 2.5 % at each end */

static double score_of_draw(const struct resample_metric *metric, const uint64_t *counts, size_t n,
                            struct rng *rng, uint64_t *sum)
{
    memset(sum, 0, metric->width * sizeof(*sum));
    for (size_t i = 0; i < n; i++) {
        const uint64_t *row = counts + rng_below(rng, n) * metric->width;
        for (size_t k = 0; k < metric->width; k++)
            sum[k] += row[k];
    }
    return metric->score(sum);
}

enum status resample_interval(double out[2], const struct resample_metric *metric,
                              const void *counts, size_t n, const struct resample_params *params)
{
    assert(n > 0 && params->resamples >= TAIL);
    double *score = calloc(params->resamples, sizeof(*score));
    uint64_t *sum = calloc(metric->width, sizeof(*sum));
    const enum status st = score && sum ? STATUS_OK : STATUS_MEMORY;
    if (st)
        log_error("found no memory for %u resamples", params->resamples);
    for (uint32_t i = 0; !st && i < params->resamples; i++) {
        struct rng rng;
        rng_init(&rng, params->seed, i);
        score[i] = score_of_draw(metric, counts, n, &rng, sum);
    }
    if (!st) {
        sort_doubles(score, params->resamples);
        out[0] = score[params->resamples / TAIL];
        out[1] = score[params->resamples - params->resamples / TAIL - 1];
    }
    free(score);
    free(sum);
    return st;
}

const char *resample_signature(struct arena *arena, const struct resample_params *params)
{
    return params ? arena_printf(arena, "bs:%" PRIu32 "|seed:%" PRIu64 "|", params->resamples,
                                 params->seed)
                  : "";
}

/* SPDX-License-Identifier: MIT */
/* Bootstrap of a corpus's score: its sentences resampled with replacement (Koehn 2004). */
#ifndef VKFI_TASKS_RESAMPLE_H
#define VKFI_TASKS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* A score of summed counts: `counts` of one sentence are `width` integers of 64 bits. */
struct resample_metric {
    size_t width;
    double (*score)(const void *sum);
};

struct resample_params {
    uint32_t resamples; /* at least 40 */
    uint64_t seed;
};

/* out[0], out[1]: the interval of 95 % of the resamples' scores, by order statistics. `counts` (n *
 * width, n > 0) are the metric's. */
enum status resample_interval(double out[2], const struct resample_metric *metric,
                              const void *counts, size_t n,
                              const struct resample_params *params) STATUS_MUST_USE;

/* The sacrebleu release with equal scores and signatures. */
#define RESAMPLE_VERSION "2.6.0"

/* The resamples in a signature: "bs:1000|seed:1|", "" for null. Null when memory is out. */
const char *resample_signature(struct arena *arena, const struct resample_params *params);

#endif

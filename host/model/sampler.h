/* SPDX-License-Identifier: MIT */
/* From a logit row to a token and to numbers derived from it (NUMERICS.md 6). */
#ifndef VKFI_MODEL_SAMPLER_H
#define VKFI_MODEL_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampler {
    double temperature; /* 0: greedy */
    uint32_t top_k;     /* 0: all tokens */
    uint64_t seed;      /* draws are keyed by (seed, position) */
    double top_p;       /* samples among the fewest first tokens that together have this share of
                           the probability of the top_k; 0 or 1: all of them */
};

struct sampler_top {
    uint32_t id;
    float logit;
};

/* The logits (n) of a column, and which ids may be picked: bits, 32 a word, lowest first; null:
 * all. */
struct sampler_row {
    const float *logits;
    uint32_t n;
    const uint32_t *allowed;
};

static inline bool sampler_allows(const uint32_t *allowed, uint32_t id)
{
    return !allowed || (allowed[id / 32] >> id % 32 & 1) != 0;
}

/* Entries that sampler_pick needs for rows of n. */
uint32_t sampler_candidates(const struct sampler *sampler, uint32_t n);

/* Token for the row of the column at `position`; at least one is allowed. Greedy order: key
 * descending, lower id first, NaN lowest. Sampling: softmax of the top_k allowed logits /
 * temperature in double, greedy order, cut by top_p. candidate: (sampler_candidates), overwritten.
 */
uint32_t sampler_pick(const struct sampler *sampler, const struct sampler_row *row,
                      uint32_t position, struct sampler_top *candidate);

/* The `count` first tokens in greedy order; out (count), count <= n. */
void sampler_top(const float *logits, uint32_t n, struct sampler_top *out, uint32_t count);

/* log(sum(exp(logits))) in double, index order, own exp and log; NaN if any logit is NaN. */
double sampler_logsumexp(const float *logits, uint32_t n);

#endif

/* SPDX-License-Identifier: MIT */
/* From a logit row to a token and to numbers derived from it (NUMERICS.md 6). */
#ifndef VKFI_MODEL_SAMPLER_H
#define VKFI_MODEL_SAMPLER_H

#include <stdint.h>

struct sampler {
    double temperature; /* 0: greedy */
    uint32_t top_k;     /* 0: all tokens */
    uint64_t seed;      /* draws are keyed by (seed, position) */
};

/* Token for the logits (n) of the column at `position`. Greedy order: key descending, lower id
 * first, NaN lowest. Sampling: softmax of the top_k logits / temperature in double, index order. */
uint32_t sampler_pick(const struct sampler *sampler, const float *logits, uint32_t n,
                      uint32_t position);

struct sampler_top {
    uint32_t id;
    float logit;
};

/* The `count` first tokens in greedy order; out (count), count <= n. */
void sampler_top(const float *logits, uint32_t n, struct sampler_top *out, uint32_t count);

/* log(sum(exp(logits))) in double, index order, own exp and log; NaN if any logit is NaN. */
double sampler_logsumexp(const float *logits, uint32_t n);

#endif

/* SPDX-License-Identifier: MIT */
/* A sum over K in contract order (NUMERICS.md 3), one term at a time: the readable form. */
#ifndef VKFI_MODEL_SUM_ORDER_H
#define VKFI_MODEL_SUM_ORDER_H

#include "shared/order.h"

struct order {
    float chain[4];
    float partial[NM_PARTIALS];
};

static inline void order_open(struct order *sum)
{
    for (uint32_t c = 0; c < 4; c++)
        sum->chain[c] = NM_NEG_ZERO;
}

static inline void order_begin(struct order *sum)
{
    order_open(sum);
    for (uint32_t p = 0; p < NM_PARTIALS; p++)
        sum->partial[p] = NM_NEG_ZERO;
}

static inline void order_term(struct order *sum, uint32_t k, float term)
{
    sum->chain[k % 4] = sum->chain[k % 4] + term;
}

/* Ends the terms of a block (or of half a Q6_K block): their sum. */
static inline float order_join(struct order *sum)
{
    const float joined = (sum->chain[0] + sum->chain[1]) + (sum->chain[2] + sum->chain[3]);
    order_open(sum);
    return joined;
}

/* The partial that block b joins. */
static inline float *order_partial_of(struct order *sum, uint32_t b)
{
    return &sum->partial[b % NM_PARTIALS];
}

static inline void order_block(struct order *sum, uint32_t b, float t)
{
    *order_partial_of(sum, b) = *order_partial_of(sum, b) + t;
}

static inline float order_end(struct order *sum)
{
    for (uint32_t apart = NM_PARTIALS / 2; apart > 0; apart /= 2) {
        for (uint32_t p = 0; p < apart; p++)
            sum->partial[p] = sum->partial[p] + sum->partial[p + apart];
    }
    return sum->partial[0];
}

#endif

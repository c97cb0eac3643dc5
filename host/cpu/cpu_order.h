/* SPDX-License-Identifier: MIT */
/* A sum over K in contract order (numerics 3), one term at a time: the readable form. */
#ifndef VKFI_CPU_CPU_ORDER_H
#define VKFI_CPU_CPU_ORDER_H

#include "shared/order.h"

struct cpu_order {
    float chain[4];
    float partial[NM_PARTIALS];
};

static inline void cpu_order_open(struct cpu_order *sum)
{
    for (uint32_t c = 0; c < 4; c++)
        sum->chain[c] = NM_NEG_ZERO;
}

static inline void cpu_order_begin(struct cpu_order *sum)
{
    cpu_order_open(sum);
    for (uint32_t p = 0; p < NM_PARTIALS; p++)
        sum->partial[p] = NM_NEG_ZERO;
}

static inline void cpu_order_term(struct cpu_order *sum, uint32_t k, float term)
{
    sum->chain[k % 4] = sum->chain[k % 4] + term;
}

/* Ends the terms of a block (or of half a Q6_K block): their sum. */
static inline float cpu_order_join(struct cpu_order *sum)
{
    const float joined = (sum->chain[0] + sum->chain[1]) + (sum->chain[2] + sum->chain[3]);
    cpu_order_open(sum);
    return joined;
}

static inline void cpu_order_block(struct cpu_order *sum, uint32_t b, float t)
{
    sum->partial[b % NM_PARTIALS] = sum->partial[b % NM_PARTIALS] + t;
}

static inline float cpu_order_end(struct cpu_order *sum)
{
    for (uint32_t apart = NM_PARTIALS / 2; apart > 0; apart /= 2)
        for (uint32_t p = 0; p < apart; p++)
            sum->partial[p] = sum->partial[p] + sum->partial[p + apart];
    return sum->partial[0];
}

#endif

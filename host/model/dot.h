/* SPDX-License-Identifier: MIT */
/* One row of a weight matrix times one column, with the bits of every device: the readable form. */
#ifndef VKFI_MODEL_DOT_H
#define VKFI_MODEL_DOT_H

#include "model/quant.h"

struct dot {
    enum quant type;
    uint32_t width;                   /* K */
    const struct quant_block *blocks; /* (K / 32, rounded up) the decoded row */
    const float *x;                   /* (K) */
    const float *sums;                /* (K / 32, rounded up, quant_halves) of dot_sums */
    /* Not null: changes chain k mod 4 of block k / 32 right after product k. */
    float (*edit)(void *user, uint32_t k, float chain);
    /* Not null: changes partial b mod 16 right after block b joined it. */
    float (*join)(void *user, uint32_t b, float partial);
    void *user;
};

/* The sums of x over each block, or each half of one, read by types with a min: out (width / 32,
 * rounded up, quant_halves of the form). */
void dot_sums(enum quant_form form, const float *x, uint32_t width, float *out);

/* Order of NUMERICS.md 3, without bias. The floating-point mode of fpenv.h must be set. */
float dot_row(const struct dot *dot);

/* Decodes a row of GGUF bytes; out (width / 32, rounded up). */
void dot_decode(enum quant type, const uint8_t *row, uint32_t width, struct quant_block *out);

#endif

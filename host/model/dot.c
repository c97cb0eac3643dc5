/* SPDX-License-Identifier: MIT */
/* The scalar loops of a dot product in contract order. */
#include "model/dot.h"

#include "model/sum_order.h"

void dot_sums(enum quant_form form, const float *x, uint32_t width, float *out)
{
    const uint32_t part = NM_BLOCK / quant_halves(form);
    struct order sum;

    order_open(&sum);
    for (uint32_t k = 0; k < width; k++) {
        order_term(&sum, k, x[k]);
        if (k % part == part - 1 || k + 1 == width)
            out[k / part] = order_join(&sum);
    }
}

/* Sum of codes times x over elements [from, to) of block b. */
static float terms(const struct dot *dot, uint32_t b, uint32_t from, uint32_t to)
{
    const struct quant_block *block = &dot->blocks[b];
    const float *x = dot->x + (size_t)b * NM_BLOCK;
    struct order sum;

    order_open(&sum);
    for (uint32_t i = from; i < to; i++) {
        order_term(&sum, i, block->code[i] * x[i]);
        if (dot->edit)
            sum.chain[i % 4] = dot->edit(dot->user, b * NM_BLOCK + i, sum.chain[i % 4]);
    }
    return order_join(&sum);
}

/* t of block b, or of its half. */
static float half_block(const struct dot *dot, enum quant_form form, uint32_t b, uint32_t half)
{
    const struct quant_block *block = &dot->blocks[b];
    const uint32_t halves = quant_halves(form);
    const uint32_t end = halves == 2 ? 16 * (half + 1) : block->count;
    float t = terms(dot, b, 16 * half, end);

    if (form != QUANT_FORM_PLAIN)
        t = block->scale[half] * t;
    if (quant_has_min(form))
        t = t + block->min[half] * dot->sums[b * halves + half];
    return t;
}

float dot_row(const struct dot *dot)
{
    const enum quant_form form = quant_form(dot->type);
    struct order sum;

    order_begin(&sum);
    for (uint32_t b = 0; b < order_ceil(dot->width, NM_BLOCK); b++) {
        float t = half_block(dot, form, b, 0);
        if (quant_halves(form) == 2)
            t = t + half_block(dot, form, b, 1);
        order_block(&sum, b, t);
        if (dot->join)
            *order_partial_of(&sum, b) = dot->join(dot->user, b, *order_partial_of(&sum, b));
    }
    return order_end(&sum);
}

void dot_decode(enum quant type, const uint8_t *row, uint32_t width, struct quant_block *out)
{
    for (uint32_t b = 0; b < order_ceil(width, NM_BLOCK); b++)
        quant_decode(type, row, width, b, &out[b]);
}

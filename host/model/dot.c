/* SPDX-License-Identifier: MIT */
/* The scalar loops of a dot product in contract order. */
#include "model/dot.h"

#include "model/sum_order.h"

void dot_sums(const float *x, uint32_t width, float *out)
{
    struct order sum;

    order_open(&sum);
    for (uint32_t k = 0; k < width; k++) {
        order_term(&sum, k, x[k]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == width)
            out[k / NM_BLOCK] = order_join(&sum);
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

float dot_row(const struct dot *dot)
{
    const enum quant_form form = quant_form(dot->type);
    struct order sum;

    order_begin(&sum);
    for (uint32_t b = 0; b < order_ceil(dot->width, NM_BLOCK); b++) {
        const struct quant_block *block = &dot->blocks[b];
        float t;
        if (form == QUANT_FORM_HALF) {
            const float low = terms(dot, b, 0, 16);
            const float high = terms(dot, b, 16, 32);
            t = block->scale[0] * low + block->scale[1] * high;
        } else {
            t = terms(dot, b, 0, block->count);
            if (form != QUANT_FORM_PLAIN)
                t = block->scale[0] * t;
            if (form == QUANT_FORM_MIN)
                t = t + block->min * dot->sums[b];
        }
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

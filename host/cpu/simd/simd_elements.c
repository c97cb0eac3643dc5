/* SPDX-License-Identifier: MIT */
/* Loops over single elements, for the compiler to vectorise, and the sums that go with them. */
#include "cpu/simd/simd_block.h"

/* Sum of the terms of block elements [from, to): term(i) is values[i]. */
SIMD_INLINE float some(const float *values, uint32_t from, uint32_t to)
{
    float chain[4] = {NM_NEG_ZERO, NM_NEG_ZERO, NM_NEG_ZERO, NM_NEG_ZERO};

    for (uint32_t i = from; i < to; i++)
        chain[i % 4] = chain[i % 4] + values[i];
    return (chain[0] + chain[1]) + (chain[2] + chain[3]);
}

SIMD_INLINE simd_chains four(const float *p)
{
    simd_chains v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Sum of a whole block of values, or of their squares. */
SIMD_INLINE float whole(const float *values, bool square)
{
    simd_chains sum;

#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++) {
        const simd_chains v = four(values + 4 * i), term = square ? v * v : v;
        sum = i == 0 ? term : sum + term;
    }
    return simd_join(sum);
}

/* The 16 partials joined; absent ones are -0.0. */
static float tree(float partial[NM_PARTIALS])
{
    for (uint32_t apart = NM_PARTIALS / 2; apart > 0; apart /= 2)
        for (uint32_t i = 0; i < apart; i++)
            partial[i] = partial[i] + partial[i + apart];
    return partial[0];
}

static void clear(float partial[NM_PARTIALS])
{
    for (uint32_t i = 0; i < NM_PARTIALS; i++)
        partial[i] = NM_NEG_ZERO;
}

void SIMD(block_sums)(const float *x, uint32_t width, uint32_t stride, float *out)
{
    const uint32_t full = width / NM_BLOCK;

    for (uint32_t b = 0; b < full; b++)
        out[b * stride] = whole(x + b * NM_BLOCK, false);
    if (width % NM_BLOCK != 0)
        out[full * stride] = some(x + full * NM_BLOCK, 0, width % NM_BLOCK);
}

void SIMD(round)(float *x, uint32_t n, uint32_t act)
{
    if (act == NM_F16)
        for (uint32_t i = 0; i < n; i++)
            x[i] = nm_round(x[i], NM_F16);
    else if (act == NM_BF16)
        for (uint32_t i = 0; i < n; i++)
            x[i] = nm_round(x[i], NM_BF16);
}

void SIMD(norm)(const struct cpu_norm *job)
{
    const uint32_t full = job->width / NM_BLOCK, rest = job->width % NM_BLOCK;
    const float *x = job->x, *gain = job->gain;
    float partial[NM_PARTIALS], *out = job->out;

    clear(partial);
    for (uint32_t b = 0; b < full; b++)
        partial[b % NM_PARTIALS] = partial[b % NM_PARTIALS] + whole(x + b * NM_BLOCK, true);
    if (rest != 0) {
        float squares[NM_BLOCK];
        for (uint32_t i = 0; i < rest; i++)
            squares[i] = x[full * NM_BLOCK + i] * x[full * NM_BLOCK + i];
        partial[full % NM_PARTIALS] = partial[full % NM_PARTIALS] + some(squares, 0, rest);
    }
    const float r = nm_rsqrt(tree(partial) * (1.0f / (float)job->width) + job->eps);
    for (uint32_t i = 0; i < job->width; i++)
        out[i] = (x[i] * r) * gain[i];
    SIMD(round)(out, job->width, job->act);
}

static uint32_t largest_key(const float *values, uint32_t from, uint32_t to)
{
    uint32_t key = 0;

    for (uint32_t i = from; i < to; i++) {
        const uint32_t other = nm_key(lang_bits(values[i]));
        key = other > key ? other : key;
    }
    return key;
}

void SIMD(softmax)(const float *scores, uint32_t first, uint32_t last, float *probs)
{
    const float m = lang_float(nm_unkey(largest_key(scores, first, last + 1)));
    float partial[NM_PARTIALS];

    for (uint32_t i = first; i <= last; i++)
        probs[i] = nm_exp(scores[i] - m);
    clear(partial);
    for (uint32_t b = first / NM_BLOCK; b <= last / NM_BLOCK; b++) {
        const float *e = probs + b * NM_BLOCK;
        const uint32_t from = b == first / NM_BLOCK ? first % NM_BLOCK : 0;
        const uint32_t to = b == last / NM_BLOCK ? last % NM_BLOCK + 1 : NM_BLOCK;
        const float t = from == 0 && to == NM_BLOCK ? whole(e, false) : some(e, from, to);
        partial[b % NM_PARTIALS] = partial[b % NM_PARTIALS] + t;
    }
    const float r = nm_rcp(tree(partial));
    for (uint32_t i = first; i <= last; i++)
        probs[i] = probs[i] * r;
}

void SIMD(gate)(const struct cpu_gate *job)
{
    const float *g = job->g, *u = job->u;
    float *restrict out = job->out;

    if (job->fn == ACTIVATION_GELU)
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_gelu(g[i]) * u[i];
    else
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_silu(g[i]) * u[i];
    SIMD(round)(out, job->n, job->act);
}

void SIMD(add)(float *x, const float *t, uint32_t n, uint32_t act)
{
    for (uint32_t i = 0; i < n; i++)
        x[i] = x[i] + t[i];
    SIMD(round)(x, n, act);
}

void SIMD(logits)(const float *values, uint32_t first, uint32_t n, struct cpu_digest *digest)
{
    const uint32_t key = largest_key(values, 0, n);
    uint32_t low = 0, high = 0, odd = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t bits = nm_canon(lang_bits(values[i]));
        low += nm_mix(first + i, bits, NM_SALT_LOW);
        high += nm_mix(first + i, bits, NM_SALT_HIGH);
        odd |= (bits & NM_INF) == NM_INF ? 1u : 0u;
    }
    digest->low += low;
    digest->high += high;
    digest->finite &= odd == 0;
    if (key <= digest->key)
        return;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t bits = nm_canon(lang_bits(values[i]));
        if (nm_key(bits) == key) {
            digest->key = key;
            digest->bits = bits;
            digest->token = first + i;
            return;
        }
    }
}

/* SPDX-License-Identifier: MIT */
/* Loops over single elements, for the compiler to vectorise, and their sums. */
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
    for (uint32_t apart = NM_PARTIALS / 2; apart > 0; apart /= 2) {
        for (uint32_t i = 0; i < apart; i++)
            partial[i] = partial[i] + partial[i + apart];
    }
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

/* nm_round to f16 directly: normal results by integers; denormal ones are multiples of 2^-24, the
 * last place of 0.75. */
SIMD_INLINE simd_float round_f16(simd_float x)
{
    const simd_uint bits = (simd_uint)x, a = bits & 0x7fffffffu;
    const simd_float tiny = ((simd_float)a + 0.75f) - 0.75f;
    simd_uint value = (a + 0xfffu + (a >> 13 & 1u)) & ~0x1fffu;

    value = simd_select(a < 0x38800000u, (simd_uint)tiny, value);
    value = simd_select(a >= 0x477ff000u, (simd_uint){0} + NM_INF, value);
    value = simd_select(a > NM_INF, a, value);
    return (simd_float)(value | (bits & NM_SIGN));
}

SIMD_INLINE simd_float round_bf16(simd_float x)
{
    const simd_uint bits = (simd_uint)x, a = bits & 0x7fffffffu;
    simd_uint value = (a + 0x7fffu + (a >> 16 & 1u)) & 0xffff0000u;

    value = simd_select(a < 0x00800000u, a & 0, value);
    value = simd_select(a > NM_INF, a, value);
    return (simd_float)(value | (bits & NM_SIGN));
}

void SIMD(round)(float *x, uint32_t n, uint32_t act)
{
    uint32_t i = 0;

    if (act == NM_F32)
        return;
    for (; i + SIMD_LANES <= n; i += SIMD_LANES) {
        const simd_float v = simd_load(x + i);
        simd_store(x + i, act == NM_F16 ? round_f16(v) : round_bf16(v));
    }
    for (; i < n; i++)
        x[i] = nm_round(x[i], act);
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

/* Largest nm_key: compared as signed numbers, which the key is except for its top bit. */
static uint32_t largest_key(const float *values, uint32_t n)
{
    simd_int most = (simd_int)((simd_uint){0} + NM_SIGN);
    uint32_t i = 0, key = 0;

    for (; i + SIMD_LANES <= n; i += SIMD_LANES) {
        const simd_uint bits = (simd_uint)simd_load(values + i), magnitude = bits & 0x7fffffffu;
        simd_uint other = simd_select((simd_int)bits < 0, -magnitude, magnitude);
        other = simd_select(magnitude > NM_INF, (simd_uint){0} + NM_SIGN, other);
        most = (simd_int)simd_select((simd_int)other > most, other, (simd_uint)most);
    }
    for (uint32_t lane = 0; lane < SIMD_LANES; lane++)
        key = ((uint32_t)most[lane] ^ NM_SIGN) > key ? (uint32_t)most[lane] ^ NM_SIGN : key;
    for (; i < n; i++)
        key = nm_key(lang_bits(values[i])) > key ? nm_key(lang_bits(values[i])) : key;
    return key;
}

void SIMD(softmax)(const float *scores, uint32_t first, uint32_t last, float *probs)
{
    const uint32_t n = last - first + 1;
    const float m = lang_float(nm_unkey(largest_key(scores + first, n)));
    float partial[NM_PARTIALS], *seen = probs + first;

    memmove(seen, scores + first, n * sizeof(*seen));
    for (uint32_t i = 0; i < n; i++)
        seen[i] = nm_exp(seen[i] - m);
    clear(partial);
    for (uint32_t b = first / NM_BLOCK; b <= last / NM_BLOCK; b++) {
        const float *e = probs + b * NM_BLOCK;
        const uint32_t from = b == first / NM_BLOCK ? first % NM_BLOCK : 0;
        const uint32_t to = b == last / NM_BLOCK ? last % NM_BLOCK + 1 : NM_BLOCK;
        const float t = from == 0 && to == NM_BLOCK ? whole(e, false) : some(e, from, to);
        partial[b % NM_PARTIALS] = partial[b % NM_PARTIALS] + t;
    }
    const float r = nm_rcp(tree(partial));
    for (uint32_t i = 0; i < n; i++)
        seen[i] = seen[i] * r;
}

void SIMD(gate)(const struct cpu_gate *job)
{
    const float *g = job->g, *u = job->u;
    float *restrict out = job->out;

    if (job->fn == ACTIVATION_GELU) {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_gelu(g[i]) * u[i];
    } else {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_silu(g[i]) * u[i];
    }
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
    const uint32_t key = largest_key(values, n);
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

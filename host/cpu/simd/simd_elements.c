/* SPDX-License-Identifier: MIT */
/* Loops over single elements, for the compiler to vectorise, and their sums. */
#include "cpu/simd/simd_block.h"

#include "model/sum_order.h"

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

/* Sum of 4 n values, or of their squares; n: 8 for a whole block. */
SIMD_INLINE float some_fours(const float *values, uint32_t n, bool square)
{
    simd_chains sum;

#pragma GCC unroll 8
    for (uint32_t i = 0; i < n; i++) {
        const simd_chains v = four(values + 4 * i), term = square ? v * v : v;
        sum = i == 0 ? term : sum + term;
    }
    return simd_join(sum);
}

SIMD_INLINE float whole(const float *values, bool square)
{
    return some_fours(values, 8, square);
}

/* Of types without short blocks. */
void SIMD(half_sums)(const float *x, uint32_t width, uint32_t stride, float *out)
{
    for (uint32_t i = 0; i < width / 16; i++)
        out[i * stride] = some_fours(x + i * 16, 4, false);
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

/* Sum of n values, or of their squares, in contract order. */
static float sum_of(const float *x, uint32_t n, bool square)
{
    const uint32_t full = n / NM_BLOCK, rest = n % NM_BLOCK;
    struct order sum;

    order_begin(&sum);
    for (uint32_t b = 0; b < full; b++)
        order_block(&sum, b, whole(x + b * NM_BLOCK, square));
    if (rest != 0) {
        float last[NM_BLOCK];
        for (uint32_t i = 0; i < rest; i++)
            last[i] =
                square ? x[full * NM_BLOCK + i] * x[full * NM_BLOCK + i] : x[full * NM_BLOCK + i];
        order_block(&sum, full, some(last, 0, rest));
    }
    return order_end(&sum);
}

static void layer_norm(const struct cpu_norm *job)
{
    const float *gain = job->gain, *bias = job->bias;
    float *restrict terms = job->terms, *out = job->out;
    const float inv_width = 1.0f / (float)job->width;

    for (uint32_t i = 0; i < job->width; i++)
        terms[i] = job->x[i] * inv_width;
    const float mean = sum_of(terms, job->width, false);
    for (uint32_t i = 0; i < job->width; i++)
        terms[i] = job->x[i] - mean;
    const float r = nm_rsqrt(sum_of(terms, job->width, true) * inv_width + job->eps);
    for (uint32_t i = 0; i < job->width; i++)
        out[i] = (terms[i] * r) * gain[i] + bias[i];
    SIMD(round)(out, job->width, job->act);
}

void SIMD(norm)(const struct cpu_norm *job)
{
    if (job->bias) {
        layer_norm(job);
        return;
    }
    const float *x = job->x, *gain = job->gain;
    float *out = job->out;
    const float inv_width = 1.0f / (float)job->width;
    const float r = nm_rsqrt(sum_of(x, job->width, true) * inv_width + job->eps);

    for (uint32_t i = 0; i < job->width; i++)
        out[i] = (x[i] * r) * gain[i];
    SIMD(round)(out, job->width, job->act);
}

/* nm_key as a signed number: the same order. */
SIMD_INLINE simd_int signed_keys(simd_float values)
{
    const simd_uint bits = (simd_uint)values, magnitude = bits & 0x7fffffffu;
    const simd_uint key = simd_select((simd_int)bits < 0, -magnitude, magnitude);
    return (simd_int)simd_select(magnitude > NM_INF, (simd_uint){0} + NM_SIGN, key);
}

SIMD_INLINE simd_int larger(simd_int a, simd_int b)
{
    return (simd_int)simd_select(a > b, (simd_uint)a, (simd_uint)b);
}

/* Largest lane, as nm_key. */
SIMD_INLINE uint32_t largest_lane(simd_int keys)
{
    uint32_t key = 0;
    for (uint32_t lane = 0; lane < SIMD_LANES; lane++)
        key = ((uint32_t)keys[lane] ^ NM_SIGN) > key ? (uint32_t)keys[lane] ^ NM_SIGN : key;
    return key;
}

/* Largest nm_key. */
static uint32_t largest_key(const float *values, uint32_t n)
{
    simd_int most = (simd_int)((simd_uint){0} + NM_SIGN);
    uint32_t i = 0;

    for (; i + SIMD_LANES <= n; i += SIMD_LANES)
        most = larger(signed_keys(simd_load(values + i)), most);
    uint32_t key = largest_lane(most);
    for (; i < n; i++)
        key = nm_key(lang_bits(values[i])) > key ? nm_key(lang_bits(values[i])) : key;
    return key;
}

uint32_t SIMD(outside)(const struct range_check *check, const float *values, uint32_t n)
{
    simd_int found = {0}; /* minus one for each */
    uint32_t count, i = 0;

    for (; i + SIMD_LANES <= n; i += SIMD_LANES) {
        const simd_uint key = (simd_uint)signed_keys(simd_load(values + i)) ^ NM_SIGN;
        found += (simd_int)(key - check->low > check->span);
    }
    count = cpu_outside_scalar(check, values + i, n - i);
    for (uint32_t lane = 0; lane < SIMD_LANES; lane++)
        count -= (uint32_t)found[lane];
    return count;
}

void SIMD(softmax)(const float *scores, uint32_t first, uint32_t last, float *probs)
{
    const uint32_t n = last - first + 1;
    const float m = lang_float(nm_unkey(largest_key(scores + first, n)));
    float *seen = probs + first;
    struct order sum;

    memmove(seen, scores + first, n * sizeof(*seen));
    for (uint32_t i = 0; i < n; i++)
        seen[i] = nm_exp(seen[i] - m);
    order_begin(&sum);
    for (uint32_t b = first / NM_BLOCK; b <= last / NM_BLOCK; b++) {
        const float *e = probs + b * NM_BLOCK;
        const uint32_t from = b == first / NM_BLOCK ? first % NM_BLOCK : 0;
        const uint32_t to = b == last / NM_BLOCK ? last % NM_BLOCK + 1 : NM_BLOCK;
        order_block(&sum, b, from == 0 && to == NM_BLOCK ? whole(e, false) : some(e, from, to));
    }
    const float r = nm_rcp(order_end(&sum));
    for (uint32_t i = 0; i < n; i++)
        seen[i] = seen[i] * r;
}

static void activations(const struct cpu_gate *job)
{
    const float *g = job->g;
    float *restrict out = job->out;

    if (job->fn == ACTIVATION_GELU) {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_gelu(g[i]);
    } else if (job->fn == ACTIVATION_SILU) {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_silu(g[i]);
    } else {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_gelu_erf(g[i]);
    }
}

void SIMD(gate)(const struct cpu_gate *job)
{
    const float *g = job->g, *u = job->u;
    float *restrict out = job->out;

    if (!u) {
        activations(job);
    } else if (job->fn == ACTIVATION_GELU) {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_gelu(g[i]) * u[i];
    } else if (job->fn == ACTIVATION_GELU_ERF) {
        for (uint32_t i = 0; i < job->n; i++)
            out[i] = nm_gelu_erf(g[i]) * u[i];
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

/* The two largest keys seen by each lane, and how many values were Inf or NaN. */
struct peaks {
    simd_int first, second, nonfinite;
};

/* z and w of a whole block, whose largest value is `most`. */
static void block_features(const float *values, uint32_t b, struct cpu_features *row)
{
    const float most = row->most[b];
    float e[NM_BLOCK], product[NM_BLOCK];

    for (uint32_t i = 0; i < NM_BLOCK; i++) {
        const float d = values[i] - most;
        e[i] = nm_exp(d);
        product[i] = e[i] * d;
    }
    row->z[b] = whole(e, false);
    row->w[b] = whole(product, false);
}

static simd_int block_peaks(const float *values, struct peaks *seen)
{
    simd_int most = (simd_int)((simd_uint){0} + NM_SIGN);

    for (uint32_t i = 0; i < NM_BLOCK; i += SIMD_LANES) {
        const simd_float v = simd_load(values + i);
        const simd_int keys = signed_keys(v);
        const simd_int lower =
            (simd_int)simd_select(keys < seen->first, (simd_uint)keys, (simd_uint)seen->first);
        seen->nonfinite -= ((simd_uint)v & NM_INF) == NM_INF;
        seen->first = larger(seen->first, keys);
        seen->second = larger(seen->second, lower);
        most = larger(most, keys);
    }
    return most;
}

static void take_lanes(struct cpu_features *row, const struct peaks *seen)
{
    for (uint32_t lane = 0; lane < SIMD_LANES; lane++) {
        const uint32_t a = (uint32_t)seen->first[lane] ^ NM_SIGN;
        const uint32_t b = (uint32_t)seen->second[lane] ^ NM_SIGN;
        const uint32_t lower = a < row->first ? a : row->first, high = lower > b ? lower : b;
        row->first = a > row->first ? a : row->first;
        row->second = high > row->second ? high : row->second;
        row->nonfinite += (uint32_t)seen->nonfinite[lane];
    }
}

void SIMD(features)(const float *values, uint32_t first, uint32_t n, struct cpu_features *row)
{
    const simd_int least = (simd_int)((simd_uint){0} + NM_SIGN);
    struct peaks seen = {least, least, {0}};
    uint32_t i = 0;

    for (; i + NM_BLOCK <= n; i += NM_BLOCK) {
        const uint32_t b = (first + i) / NM_BLOCK;
        row->most[b] = lang_float(nm_unkey(largest_lane(block_peaks(values + i, &seen))));
        block_features(values + i, b, row);
    }
    take_lanes(row, &seen);
    if (i < n)
        cpu_features_scalar(values + i, first + i, n - i, row);
}

void SIMD(features_join)(struct cpu_features *row, struct cpu_features_sums *out)
{
    const float most = lang_float(nm_unkey(row->first));
    float *restrict z = row->z, *restrict w = row->w, *restrict scale = row->scale;

    for (uint32_t b = 0; b < row->blocks; b++) {
        const float d = row->most[b] - most, s = nm_exp(d);
        z[b] = z[b] * s;
        w[b] = w[b] * s;
        scale[b] = z[b] * d;
    }
    out->z = sum_of(z, row->blocks, false);
    out->w = sum_of(w, row->blocks, false) + sum_of(scale, row->blocks, false);
    out->squares = sum_of(row->residual, row->width, true);
}

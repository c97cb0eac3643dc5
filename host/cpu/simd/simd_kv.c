/* SPDX-License-Identifier: MIT */
/* Sums of stored K and V: 16 elements side by side. */
#include "cpu/simd/simd.h"

SIMD_INLINE simd_uint load_halves(const uint8_t *p)
{
    simd_half h;
    memcpy(&h, p, sizeof(h));
    return __builtin_convertvector(h, simd_uint);
}

void SIMD(halves)(const struct cpu_halves *job, struct cpu_halves_sums *add)
{
    const size_t element = job->words ? 4 : 2;
    for (uint32_t part = 0; part < SIMD_PARTS; part++) {
        const uint8_t *at = job->at + part * SIMD_LANES * element;
        simd_uint sum = {0}, weighted = {0}, mixed = {0};
        for (uint32_t i = 0; i < job->n; i++, at += CPU_TILE * element) {
            const simd_uint all = job->words ? simd_load_uint(at) : load_halves(at);
            const simd_uint kept = all >> job->shift & job->mask;
            sum += kept;
            weighted += kept * (job->first + i * job->step);
            mixed += kept * job->weights[i * job->step];
        }
        for (uint32_t i = 0; i < SIMD_LANES; i++) {
            add->sum[part * SIMD_LANES + i] += sum[i];
            add->weighted[part * SIMD_LANES + i] += weighted[i];
            add->mixed[part * SIMD_LANES + i] += mixed[i];
        }
    }
}

/* Stored bits of values (nm_store): those of f32, or a half. */
SIMD_INLINE simd_uint store(simd_float values, uint32_t type)
{
    const simd_uint bits = (simd_uint)values, a = bits & 0x7fffffffu, sign = bits & NM_SIGN;
    const simd_int nan = a > NM_INF;
    if (type == NM_F32)
        return simd_select(nan, a * 0 + NM_NAN, simd_select(a < 0x00800000u, sign, bits));
    if (type == NM_BF16) {
        const simd_uint up = a + 0x7fffu + (a >> 16 & 1u);
        const simd_uint rounded = simd_select(a < 0x00800000u, a * 0, up);
        return simd_select(nan, a * 0 + NM_NAN, rounded | sign) >> 16;
    }
    /* normal results by integers; denormal ones are multiples of 2^-24, the last place of 0.75 */
    const simd_uint tiny = (simd_uint)((simd_float)a + 0.75f) - 0x3f400000u;
    simd_uint half = (a + 0xfffu + (a >> 13 & 1u) - 0x38000000u) >> 13;
    half = simd_select(a < 0x38800000u, tiny, half);
    half = simd_select(a >= 0x477ff000u, a * 0 + 0x7c00u, half);
    return simd_select(nan, a * 0 + 0x7e00u, half | sign >> 16);
}

void SIMD(stored)(const struct cpu_stored *job, uint32_t out[2])
{
    const uint32_t halves = job->type == NM_F32 ? 2 : 1;
    simd_uint places, weighted = {0}, mixed = {0};

    for (uint32_t i = 0; i < SIMD_LANES; i++)
        places[i] = 1 + i;
    for (uint32_t i = 0; i < job->n; i += SIMD_LANES) {
        const uint32_t rest = job->n - i, n = rest < SIMD_LANES ? rest : SIMD_LANES;
        float padded[SIMD_LANES] = {0};
        const float *values = job->values + i;
        uint16_t half[2 * SIMD_LANES];
        if (n < SIMD_LANES) { /* zeros are stored as zeros, which add nothing */
            memcpy(padded, values, n * sizeof(*padded));
            values = padded;
        }
        const simd_uint bits = store(simd_load(values), job->type);
        if (halves == 2) {
            memcpy(half, &bits, sizeof(bits));
        } else {
            const simd_half narrow = __builtin_convertvector(bits, simd_half);
            memcpy(half, &narrow, sizeof(narrow));
        }
        for (uint32_t k = 0; k < halves; k++) {
            const uint32_t first = i * halves + k * SIMD_LANES;
            const simd_uint h = load_halves((const uint8_t *)(half + k * SIMD_LANES));
            weighted += h * (places + first);
            mixed += h * simd_load_uint((const uint8_t *)(job->weights + first));
        }
    }
    out[0] = out[1] = 0;
    for (uint32_t i = 0; i < SIMD_LANES; i++) {
        out[0] += weighted[i];
        out[1] += mixed[i];
    }
}

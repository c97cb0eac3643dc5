/* SPDX-License-Identifier: MIT */
/* Vectors of one instruction set: 16 rows of a tile are SIMD_PARTS vectors of SIMD_LANES.
 *
 * This folder is compiled once per instruction set (variants.cmake), with its symbol prefix. Only
 * add, sub, mul and exact conversions; the compiler must not fuse or reassociate. */
#ifndef VKFI_CPU_SIMD_SIMD_H
#define VKFI_CPU_SIMD_SIMD_H

#include <immintrin.h>
#include <string.h>

#include "cpu/cpu_ops.h"
#include "cpu/cpu_pack.h"

#if defined(__AVX512F__)
#define SIMD_LANES 16
#define SIMD_NAME "AVX-512"
#define SIMD(name) cpu_avx512_##name
#else
#define SIMD_LANES 8
#define SIMD_NAME "AVX2"
#define SIMD(name) cpu_avx2_##name
#endif

#define SIMD_PARTS (16 / SIMD_LANES)
#define SIMD_COLUMNS 8 /* most columns of a register tile */
#define SIMD_INLINE static inline __attribute__((always_inline, unused))

typedef float simd_float __attribute__((vector_size(4 * SIMD_LANES)));
typedef int32_t simd_int __attribute__((vector_size(4 * SIMD_LANES)));
typedef uint32_t simd_uint __attribute__((vector_size(4 * SIMD_LANES)));
typedef uint16_t simd_half __attribute__((vector_size(2 * SIMD_LANES)));
typedef uint8_t simd_byte __attribute__((vector_size(SIMD_LANES)));
typedef float simd_chains __attribute__((vector_size(16)));     /* the four chains of a block */
typedef uint32_t simd_words16 __attribute__((vector_size(16))); /* 16 bytes */

SIMD_INLINE simd_uint simd_load_uint(const uint8_t *p)
{
    simd_uint v;
    memcpy(&v, p, sizeof(v));
    return v;
}

SIMD_INLINE simd_float simd_load(const void *p)
{
    simd_float v;
    memcpy(&v, p, sizeof(v));
    return v;
}

SIMD_INLINE void simd_store(float *p, simd_float v)
{
    memcpy(p, &v, sizeof(v));
}

/* The processor's conversion is exact and quiet: f16 denormals are kept whatever MXCSR says. */
SIMD_INLINE simd_float simd_load_f16(const uint8_t *p)
{
#if defined(__AVX512F__)
    return (simd_float)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
#else
    return (simd_float)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
#endif
}

/* 16 bits, and bytes, as numbers. */
SIMD_INLINE simd_uint simd_load_halves(const uint8_t *p)
{
    simd_half h;
    memcpy(&h, p, sizeof(h));
    return __builtin_convertvector(h, simd_uint);
}

SIMD_INLINE simd_uint simd_load_bytes(const uint8_t *p)
{
    simd_byte b;
    memcpy(&b, p, sizeof(b));
    return __builtin_convertvector(b, simd_uint);
}

/* The byte of `table` at each byte of `index`, 0..15. */
SIMD_INLINE simd_uint simd_bytes_of(simd_words16 table, simd_uint index)
{
#if defined(__AVX512F__)
    return (simd_uint)_mm512_shuffle_epi8(_mm512_broadcast_i32x4((__m128i)table), (__m512i)index);
#else
    return (simd_uint)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256((__m128i)table),
                                          (__m256i)index);
#endif
}

SIMD_INLINE simd_float simd_load_bf16(const uint8_t *p)
{
    return (simd_float)(simd_load_halves(p) << 16);
}

SIMD_INLINE simd_float simd_number(simd_int v)
{
    return __builtin_convertvector(v, simd_float);
}

SIMD_INLINE simd_float simd_negative_zero(void)
{
    return (simd_float)((simd_uint){0} + NM_SIGN);
}

/* Lanes of `yes` where the comparison holds, else of `no`. */
SIMD_INLINE simd_uint simd_select(simd_int where, simd_uint yes, simd_uint no)
{
    return ((simd_uint)where & yes) | (~(simd_uint)where & no);
}

/* nm_e8m0_half */
SIMD_INLINE simd_float simd_e8m0_half(simd_uint e)
{
    return (simd_float)simd_select(e < 2u, e & 0, (e - 1u) << 23);
}

/* (c0 + c1) + (c2 + c3) */
SIMD_INLINE float simd_join(simd_chains c)
{
    return (c[0] + c[1]) + (c[2] + c[3]);
}

/* n columns of activations side by side: (width, n), and the sums of their blocks: (blocks, n), or
 * of the halves of these. */
struct simd_panel {
    float *x, *sums;
    uint32_t n;
};

/* Panels of the job's columns in its scratch memory. */
void SIMD(linear_prepare)(const struct cpu_linear *job);
void SIMD(linear)(const struct cpu_linear *job, uint32_t row_begin, uint32_t row_end);

void SIMD(norm)(const struct cpu_norm *job);
void SIMD(softmax)(const float *scores, uint32_t first, uint32_t last, float *probs);
void SIMD(gate)(const struct cpu_gate *job);
void SIMD(add)(float *x, const float *t, uint32_t n, uint32_t act);
void SIMD(round)(float *x, uint32_t n, uint32_t act);
void SIMD(logits)(const float *values, uint32_t first, uint32_t n, struct cpu_digest *digest);
void SIMD(features)(const float *values, uint32_t first, uint32_t n, struct cpu_features *row);
void SIMD(features_join)(struct cpu_features *row, struct cpu_features_sums *out);
void SIMD(block_sums)(const float *x, uint32_t width, uint32_t stride, float *out);
void SIMD(half_sums)(const float *x, uint32_t width, uint32_t stride, float *out);

void SIMD(abft_inputs)(const struct cpu_abft *job, struct guard_abft_sums *out);
void SIMD(abft_outputs)(const struct cpu_abft_rows *job);
void SIMD(abft_tiles)(const float *sums, size_t plane, uint32_t n, float out[3]);

uint32_t SIMD(outside)(const struct range_check *check, const float *values, uint32_t n);
void SIMD(halves)(const struct cpu_halves *job, struct cpu_halves_sums *add);
void SIMD(stored)(const struct cpu_stored *job, uint32_t out[2]);

void SIMD(scores)(const struct cpu_attention *job);
void SIMD(heads)(const struct cpu_attention *job);

#endif

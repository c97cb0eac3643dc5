/* SPDX-License-Identifier: MIT */
/* Weights as the device holds them: 32 rows side by side, the planes of a block decoded.
 *
 * A tile is 32 rows. Lane l (of 8) has its rows 4 l .. 4 l + 3. A row's blocks lie in the order
 * their partials are visited (shared/order.h): slot 0, 1, ... Quads of a tile, in this order:
 *   codes  (blocks, WEIGHT_CODES, 4, 8)  quad c of row 4 l + r of slot s at
 *                                        ((s * CODES + c) * 4 + r) * 8 + l
 *   high   (blocks, WEIGHT_HIGH, 8)      one word per row: more bits of the codes
 *   meta   (blocks, 8), or (blocks / 2 rounded up, 8) with 16 bits per row, even slots low
 *   super  (blocks / 8, 8)               one word per row and super-block (K types), in their order
 *   bias   (8)                           one f32 per row, if the matrix has one
 * Q2_K and Q3_K have no quads of codes, all their bits are in the words of `high`.
 * Words: see the fields at each type. F32, F16 and BF16 rows are padded to whole blocks with -0.0.
 * host/vk/vk_pack.c writes and reads this layout. */
#ifndef VKFI_SHARED_WEIGHTS_GLSL
#define VKFI_SHARED_WEIGHTS_GLSL

#include "shared/numerics.h"
#include "shared/push.h"

/* enum quant_field */
#define FIELD_CODE 0u
#define FIELD_SCALE 1u
#define FIELD_MIN 2u
#define FIELD_SUBSCALE 3u
#define FIELD_SUBMIN 4u

/* How a block's t is formed, as enum quant_form. */
#define FORM_PLAIN 0
#define FORM_SCALE 1
#define FORM_MIN 2
#define FORM_HALF 3
#define FORM_HALF_MIN 4

#if defined(TYPE_F32)
#define WEIGHT_CODES 8u
#define WEIGHT_FORM FORM_PLAIN
#define WEIGHT_CODE_MASK 0xffffffffu
#elif defined(TYPE_F16) || defined(TYPE_BF16)
#define WEIGHT_CODES 4u
#define WEIGHT_FORM FORM_PLAIN
#define WEIGHT_CODE_MASK 0xffffu
#elif defined(TYPE_Q4_0) /* meta: d */
#define WEIGHT_FORM FORM_SCALE
#define WEIGHT_CODE_MASK 15u
#define WEIGHT_OFFSET 8
#define WEIGHT_META_HALF
#elif defined(TYPE_Q4_1) /* meta: d, m << 16 */
#define WEIGHT_FORM FORM_MIN
#define WEIGHT_CODE_MASK 15u
#elif defined(TYPE_Q5_0) /* high: bit 8 c + s of element 4 s + c; meta: d */
#define WEIGHT_HIGH 1
#define WEIGHT_FORM FORM_SCALE
#define WEIGHT_CODE_MASK 31u
#define WEIGHT_OFFSET 16
#define WEIGHT_META_HALF
#elif defined(TYPE_Q5_1)
#define WEIGHT_HIGH 1
#define WEIGHT_FORM FORM_MIN
#define WEIGHT_CODE_MASK 31u
#elif defined(TYPE_Q8_0) /* codes are bytes */
#define WEIGHT_CODES 2u
#define WEIGHT_FORM FORM_SCALE
#define WEIGHT_CODE_MASK 255u
#define WEIGHT_META_HALF
#elif defined(TYPE_IQ4_NL) /* codes are indexes; meta: d */
#define WEIGHT_FORM FORM_SCALE
#define WEIGHT_CODE_MASK 15u
#define WEIGHT_TABLE nm_iq4
#define WEIGHT_META_HALF
#elif defined(TYPE_MXFP4) /* meta: e */
#define WEIGHT_FORM FORM_SCALE
#define WEIGHT_CODE_MASK 15u
#define WEIGHT_SCALE_MASK 255u
#define WEIGHT_TABLE nm_fp4_twice
#define WEIGHT_META_HALF
#elif defined(                                                                                     \
    TYPE_Q2_K) /* high: as Q6_K's; meta: sc0, mn0 << 4, sc1 << 8, mn1 << 12; super as Q4_K */
#define WEIGHT_CODES 0u
#define WEIGHT_NO_QUADS
#define WEIGHT_HIGH 2
#define WEIGHT_FORM FORM_HALF_MIN
#define WEIGHT_CODE_MASK 3u
#define WEIGHT_SUB_MASK 15u
#define WEIGHT_META_HALF
#define WEIGHT_SUPER
#elif defined(TYPE_Q3_K) /* high: the same two words, then one as of Q5_0; meta: sc0, sc1 << 8 */
#define WEIGHT_CODES 0u
#define WEIGHT_NO_QUADS
#define WEIGHT_HIGH 3
#define WEIGHT_FORM FORM_HALF
#define WEIGHT_CODE_MASK 7u
#define WEIGHT_OFFSET 4
#define WEIGHT_SUB_MASK 63u
#define WEIGHT_META_HALF
#define WEIGHT_SUPER
#elif defined(TYPE_IQ4_XS) /* meta: sc; super: d */
#define WEIGHT_FORM FORM_SCALE
#define WEIGHT_CODE_MASK 15u
#define WEIGHT_SUB_MASK 63u
#define WEIGHT_TABLE nm_iq4
#define WEIGHT_META_HALF
#define WEIGHT_SUPER
#elif defined(TYPE_Q4_K) /* meta: sc, mn << 8; super: d, dmin << 16 */
#define WEIGHT_FORM FORM_MIN
#define WEIGHT_CODE_MASK 15u
#define WEIGHT_SUB_MASK 63u
#define WEIGHT_META_HALF
#define WEIGHT_SUPER
#elif defined(TYPE_Q5_K)
#define WEIGHT_HIGH 1
#define WEIGHT_FORM FORM_MIN
#define WEIGHT_CODE_MASK 31u
#define WEIGHT_SUB_MASK 63u
#define WEIGHT_META_HALF
#define WEIGHT_SUPER
#elif defined(TYPE_Q6_K) /* high: 2 bits at 8 c + 2 (s % 4) of word s / 4; meta: sc0, sc1 << 8 */
#define WEIGHT_HIGH 2
#define WEIGHT_FORM FORM_HALF
#define WEIGHT_CODE_MASK 63u
#define WEIGHT_OFFSET 32
#define WEIGHT_SUB_MASK 255u
#define WEIGHT_META_HALF
#define WEIGHT_SUPER
#endif

#ifndef WEIGHT_CODES
#define WEIGHT_CODES 1u
#endif
#ifndef WEIGHT_HIGH
#define WEIGHT_HIGH 0
#endif
#ifdef WEIGHT_NO_QUADS /* quads of codes that a kernel holds of a row */
#define WEIGHT_QUADS 1u
#else
#define WEIGHT_QUADS WEIGHT_CODES
#endif
#ifndef WEIGHT_SCALE_MASK
#define WEIGHT_SCALE_MASK 0xffffu
#endif

/* A term for each half of a block; a minimum. */
#define WEIGHT_HALVES (WEIGHT_FORM == FORM_HALF || WEIGHT_FORM == FORM_HALF_MIN)
#define WEIGHT_HAS_MIN (WEIGHT_FORM == FORM_MIN || WEIGHT_FORM == FORM_HALF_MIN)

/* Quads before a plane. */
uint weight_high_at(uint blocks)
{
    return blocks * (WEIGHT_CODES * TILE_ROWS);
}

uint weight_meta_at(uint blocks)
{
    return weight_high_at(blocks) + blocks * (WEIGHT_HIGH * TILE_LANES);
}

uint weight_super_at(uint blocks)
{
#ifdef WEIGHT_META_HALF
    return weight_meta_at(blocks) + ((blocks + 1u) / 2u) * TILE_LANES;
#else
    return weight_meta_at(blocks) + blocks * TILE_LANES;
#endif
}

/* Which of a row's code quads, and of its high words, step s (elements 4 s .. 4 s + 3) reads. */
#if defined(TYPE_F32)
#define WEIGHT_QUAD(s) (s)
#elif defined(TYPE_F16) || defined(TYPE_BF16)
#define WEIGHT_QUAD(s) ((s) / 2u)
#elif defined(TYPE_Q8_0)
#define WEIGHT_QUAD(s) ((s) / 4u)
#else
#define WEIGHT_QUAD(s) 0u
#endif
#if WEIGHT_HIGH > 1
#define WEIGHT_WORD(s) ((s) / 4u)
#else
#define WEIGHT_WORD(s) 0u
#endif

/* Steps in a row that read the same of both and lie in the same half, where halves have terms. */
#if defined(TYPE_F32)
#define WEIGHT_RUN 1u
#elif defined(TYPE_F16) || defined(TYPE_BF16)
#define WEIGHT_RUN 2u
#elif defined(TYPE_Q8_0) || WEIGHT_HIGH > 1
#define WEIGHT_RUN 4u
#else
#define WEIGHT_RUN 8u
#endif

/* Stored bits of the four codes of step s, from that quad and that high word; of types without
 * quads, `quad` is the third high word. */
uvec4 weight_raw(uvec4 quad, uint high, uint s)
{
#if defined(WEIGHT_NO_QUADS)
    uint bytes = (high >> (2u * (s & 3u))) & 0x03030303u;
#if defined(TYPE_Q3_K)
    bytes |= ((quad.x >> s) & 0x01010101u) << 2;
#endif
    return uvec4(bytes, bytes >> 8, bytes >> 16, bytes >> 24) & 255u;
#elif defined(TYPE_F32)
    return quad;
#elif defined(TYPE_F16) || defined(TYPE_BF16)
    uvec2 pair = mix(quad.xy, quad.zw, bvec2((s & 1u) != 0u));
    return uvec4(pair.x & 0xffffu, pair.x >> 16, pair.y & 0xffffu, pair.y >> 16);
#else
    uvec2 pair = mix(quad.xy, quad.zw, bvec2((s & 2u) != 0u));
    uint bytes = mix(pair.x, pair.y, (s & 1u) != 0u);
#if !defined(TYPE_Q8_0)
    bytes = (bytes >> (s & 4u)) & 0x0f0f0f0fu;
#endif
#if defined(TYPE_Q6_K)
    bytes |= ((high >> (2u * (s & 3u))) & 0x03030303u) << 4;
#elif defined(TYPE_Q5_0) || defined(TYPE_Q5_1) || defined(TYPE_Q5_K)
    bytes |= ((high >> s) & 0x01010101u) << 4;
#endif
    return uvec4(bytes, bytes >> 8, bytes >> 16, bytes >> 24) & 255u;
#endif
}

/* Their values: of F types, or signed codes after the offset. */
vec4 weight_value(uvec4 raw)
{
#if defined(TYPE_F32)
    return uintBitsToFloat(raw);
#elif defined(TYPE_F16)
    return vec4(nm_f16_to_f32(raw.x), nm_f16_to_f32(raw.y), nm_f16_to_f32(raw.z),
                nm_f16_to_f32(raw.w));
#elif defined(TYPE_BF16)
    return uintBitsToFloat(raw << 16);
#elif defined(TYPE_Q8_0)
    return vec4((ivec4(raw) ^ 128) - 128);
#elif defined(WEIGHT_TABLE)
    return vec4(float(WEIGHT_TABLE(raw.x)), float(WEIGHT_TABLE(raw.y)), float(WEIGHT_TABLE(raw.z)),
                float(WEIGHT_TABLE(raw.w)));
#elif defined(WEIGHT_OFFSET)
    return vec4(ivec4(raw) - WEIGHT_OFFSET);
#else
    return vec4(ivec4(raw));
#endif
}

/* d or D of step s. */
float weight_scale(uint meta, uint super_word, uint s)
{
#if defined(WEIGHT_SUPER)
    int sub = int((WEIGHT_HALVES && s >= 4u ? meta >> 8 : meta) & WEIGHT_SUB_MASK);
#if defined(TYPE_Q6_K)
    sub = (sub ^ 128) - 128;
#elif defined(TYPE_Q3_K) || defined(TYPE_IQ4_XS)
    sub = sub - 32;
#endif
    return nm_f16_to_f32(super_word & 0xffffu) * float(sub);
#elif defined(TYPE_MXFP4)
    return nm_e8m0_half(meta & 255u);
#else
    return nm_f16_to_f32(meta & 0xffffu);
#endif
}

/* m or M of step s; of types that have one. */
float weight_min(uint meta, uint super_word, uint s)
{
#if defined(WEIGHT_SUPER)
    uint sub =
        WEIGHT_FORM == FORM_HALF_MIN ? (s < 4u ? meta >> 4 : meta >> 12) & 15u : (meta >> 8) & 255u;
    return nm_negate(nm_f16_to_f32(super_word >> 16) * float(int(sub)));
#else
    return nm_f16_to_f32(meta >> 16);
#endif
}

/* Factors of a block, or of the half that has step s. */
struct weight_factors {
    float scale, minimum;
};

weight_factors weight_factors_of(uint meta, uint super_word, uint s)
{
    return weight_factors(weight_scale(meta, super_word, s), weight_min(meta, super_word, s));
}

/* t of a block (NUMERICS.md 3) from the sum of its products; where halves have terms, from that of
 * a half and what the half before it gave, at first -0.0. */
float weight_term(weight_factors f, float before, float sum, float sum_x)
{
#if WEIGHT_FORM == FORM_PLAIN
    return sum;
#elif WEIGHT_FORM == FORM_SCALE
    return f.scale * sum;
#elif WEIGHT_FORM == FORM_MIN
    return f.scale * sum + f.minimum * sum_x;
#elif WEIGHT_FORM == FORM_HALF
    return before + f.scale * sum;
#else
    return before + (f.scale * sum + f.minimum * sum_x);
#endif
}

#endif

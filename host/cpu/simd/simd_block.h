/* SPDX-License-Identifier: MIT */
/* The sum of one block of 32 for 8 or 16 rows and n columns; types differ in decoding only.
 *
 * Everything here is inlined into functions where type and n are constants. A chain is summed
 * from its first product on: that product is what -0.0 plus it would be. */
#ifndef VKFI_CPU_SIMD_SIMD_BLOCK_H
#define VKFI_CPU_SIMD_SIMD_BLOCK_H

#include "cpu/simd/simd.h"

/* Compile-time parameters of functions; constant wherever used. */
struct simd_shape {
    enum quant type;
    uint32_t n; /* columns */
};

struct simd_range {
    uint32_t from, to;
};

/* A block's place: its group in the tile, and its index in a group of eight. */
struct simd_at {
    const uint8_t *group;
    uint32_t sub;
    uint32_t part; /* which vector of the 16 rows */
};

/* Eight codes of one chain in each lane: terms 0..3 in the bytes of `low`, 4..7 of `high`. */
struct simd_words {
    simd_uint low, high;
};

SIMD_INLINE simd_uint simd_word(const struct simd_at *at, uint32_t offset, uint32_t i)
{
    return simd_load_uint(at->group + offset + (i * 16 + at->part * SIMD_LANES) * 4);
}

SIMD_INLINE simd_uint simd_shift(simd_uint v, int left)
{
    return left >= 0 ? v << left : v >> -left;
}

SIMD_INLINE bool simd_has_table(enum quant type)
{
    return type == QUANT_IQ4_NL || type == QUANT_IQ4_XS || type == QUANT_MXFP4;
}

/* Each byte, 0..15, as the signed byte of that index. */
SIMD_INLINE simd_uint simd_table(enum quant type, simd_uint index)
{
    const bool fp4 = type == QUANT_MXFP4;

    const simd_words16 words = fp4 ? (simd_words16){NM_FP4_0, NM_FP4_1, NM_FP4_2, NM_FP4_3}
                                   : (simd_words16){NM_IQ4_0, NM_IQ4_1, NM_IQ4_2, NM_IQ4_3};

    return simd_bytes_of(words ^ 0x80808080u, index); /* numbers plus 128 as signed bytes */
}

SIMD_INLINE struct simd_words simd_chain(enum quant type, const struct simd_at *at, uint32_t c)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const int chain = (int)c;
    struct simd_words w;

    if (type == QUANT_Q8_0) {
        w.low = simd_word(at, 0, 2 * c);
        w.high = simd_word(at, 0, 2 * c + 1);
        return w;
    }
    if (type == QUANT_Q2_K || type == QUANT_Q3_K) {
        const uint32_t sixths = at->sub * CPU_PACK_SIXTHS;
        w.low = simd_word(at, sixths, 0) >> (2 * chain) & 0x03030303u;
        w.high = simd_word(at, sixths, 1) >> (2 * chain) & 0x03030303u;
        if (type == QUANT_Q3_K) {
            const simd_uint thirds = simd_word(at, l.high + at->sub * CPU_PACK_FIFTHS, 0);
            w.low |= simd_shift(thirds, 2 - chain) & 0x04040404u;
            w.high |= simd_shift(thirds, -2 - chain) & 0x04040404u;
        }
        return w;
    }
    w.low = simd_word(at, at->sub * CPU_PACK_NIBBLES, c);
    w.high = w.low;
    if (simd_has_table(type)) {
        w.low = simd_table(type, w.low & 0x0f0f0f0fu);
        w.high = simd_table(type, w.high >> 4 & 0x0f0f0f0fu);
    } else if (type == QUANT_Q5_0 || type == QUANT_Q5_1 || type == QUANT_Q5_K) {
        const simd_uint fifths = simd_word(at, l.high + at->sub * CPU_PACK_FIFTHS, 0);
        w.low = (w.low & 0x0f0f0f0fu) | (simd_shift(fifths, 4 - chain) & 0x10101010u);
        w.high = (w.high >> 4 & 0x0f0f0f0fu) | (simd_shift(fifths, -chain) & 0x10101010u);
    } else if (type == QUANT_Q6_K) {
        const uint32_t sixths = l.high + at->sub * CPU_PACK_SIXTHS;
        const int left = 4 - 2 * chain;
        w.low = (w.low & 0x0f0f0f0fu) | (simd_shift(simd_word(at, sixths, 0), left) & 0x30303030u);
        w.high = (w.high >> 4 & 0x0f0f0f0fu) |
                 (simd_shift(simd_word(at, sixths, 1), left) & 0x30303030u);
    }
    return w;
}

/* `bits` bits from bit `shift` on as a signed number. */
SIMD_INLINE simd_int simd_signed(simd_uint w, int shift, int bits)
{
    return (simd_int)(w << (32 - bits - shift)) >> (32 - bits);
}

SIMD_INLINE simd_int simd_unsigned(simd_uint w, int shift, int bits)
{
    const simd_uint v = w >> shift;
    return (simd_int)(shift + bits == 32 ? v : v & ((1u << bits) - 1));
}

/* Term i (element 4 i + chain) as a float. */
SIMD_INLINE simd_float simd_code(enum quant type, const struct simd_words *w, uint32_t i)
{
    const simd_uint word = i < 4 ? w->low : w->high;
    const int byte = (int)(i % 4 * 8), nibble = byte + (i < 4 ? 0 : 4);

    switch (type) {
    case QUANT_Q2_K:
        return simd_number(byte == 24 ? (simd_int)(word >> 24) : simd_unsigned(word, byte, 2));
    case QUANT_Q3_K:
        return simd_number(simd_signed(word, byte, 3));
    case QUANT_Q4_0:
        return simd_number(simd_signed(word, nibble, 4));
    case QUANT_Q4_1:
    case QUANT_Q4_K:
        return simd_number(simd_unsigned(word, nibble, 4));
    case QUANT_Q5_0:
        return simd_number(simd_signed(word, byte, 5));
    case QUANT_Q5_1:
    case QUANT_Q5_K:
        return simd_number(byte == 24 ? (simd_int)(word >> 24) : simd_unsigned(word, byte, 5));
    case QUANT_Q6_K:
        return simd_number(simd_signed(word, byte, 6));
    default: /* QUANT_Q8_0, and types with a table */
        return simd_number(simd_signed(word, byte, 8));
    }
}

/* Blocks of 32 in a group. */
SIMD_INLINE uint32_t simd_subs(enum quant type)
{
    switch (type) {
    case QUANT_Q2_K:
    case QUANT_Q3_K:
    case QUANT_Q4_K:
    case QUANT_Q5_K:
    case QUANT_Q6_K:
    case QUANT_IQ4_XS:
        return 8;
    default:
        return 1;
    }
}

SIMD_INLINE bool simd_is_plain(enum quant type)
{
    return quant_form(type) == QUANT_FORM_PLAIN;
}

/* Element k of the F types. */
SIMD_INLINE simd_float simd_element(enum quant type, const struct simd_at *at, uint32_t k)
{
    const size_t index = k * (size_t)16 + at->part * SIMD_LANES;

    return type == QUANT_F32   ? simd_load(at->group + 4 * index)
           : type == QUANT_F16 ? simd_load_f16(at->group + 2 * index)
                               : simd_load_bf16(at->group + 2 * index);
}

/* Registers are scarce, and the compiler would keep the wrong values in them. HERE: nothing read
 * through the pointer is read earlier. PARK: the vector waits in memory. */
#define SIMD_KEPT (SIMD_LANES == 16 ? 24 : 8)
#define SIMD_HERE(pointer) __asm__ volatile("" : "+r"(pointer))
#define SIMD_PARK(vector) __asm__ volatile("" : "+m"(vector))

/* s = sum of the terms in `range` (0 .. 8) of all four chains; x: (32, n). */
SIMD_INLINE void simd_terms(struct simd_shape is, const struct simd_at *at, const float *x,
                            struct simd_range range, simd_float s[SIMD_COLUMNS])
{
    simd_float chain[SIMD_COLUMNS], third[SIMD_COLUMNS];
    struct simd_words w;

#pragma GCC unroll 4
    for (uint32_t c = 0; c < 4; c++) {
        if (!simd_is_plain(is.type))
            w = simd_chain(is.type, at, c);
#pragma GCC unroll 8
        for (uint32_t i = range.from; i < range.to; i++) {
            const uint32_t k = 4 * i + c;
            const simd_float q =
                simd_is_plain(is.type) ? simd_element(is.type, at, k) : simd_code(is.type, &w, i);
#pragma GCC unroll 8
            for (uint32_t j = 0; j < is.n; j++) {
                const simd_float product = q * x[k * is.n + j];
                chain[j] = i == range.from ? product : chain[j] + product;
            }
        }
#pragma GCC unroll 8
        for (uint32_t j = 0; j < is.n; j++) {
            if (c == 0)
                s[j] = chain[j];
            else if (c == 1)
                s[j] = s[j] + chain[j];
            else if (c == 2)
                third[j] = chain[j];
            else
                s[j] = s[j] + (third[j] + chain[j]);
            if (c == 2 && is.n * 3 > SIMD_KEPT)
                SIMD_PARK(third[j]);
            else if (c < 2 && is.n * 3 > SIMD_KEPT)
                SIMD_PARK(s[j]);
        }
    }
}

/* The same for a block of an F type that has only the elements in `range`. */
SIMD_INLINE void simd_some(struct simd_shape is, const struct simd_at *at, const float *x,
                           struct simd_range range, simd_float s[SIMD_COLUMNS])
{
    simd_float chain[4][SIMD_COLUMNS];

    for (uint32_t c = 0; c < 4; c++) {
        for (uint32_t j = 0; j < is.n; j++)
            chain[c][j] = simd_negative_zero();
    }
    for (uint32_t k = range.from; k < range.to; k++) {
        const simd_float q = simd_element(is.type, at, k);
        for (uint32_t j = 0; j < is.n; j++)
            chain[k % 4][j] = chain[k % 4][j] + q * x[k * is.n + j];
    }
    for (uint32_t j = 0; j < is.n; j++)
        s[j] = (chain[0][j] + chain[1][j]) + (chain[2][j] + chain[3][j]);
}

SIMD_INLINE simd_float simd_half_at(const struct simd_at *at, uint32_t offset)
{
    return simd_load_f16(at->group + offset + at->part * SIMD_LANES * 2);
}

/* Scale and (negated, rounded as the contract says) min of a sub-block of Q4_K and Q5_K. */
SIMD_INLINE void simd_pairs(enum quant type, const struct simd_at *at, simd_float *scale,
                            simd_float *min)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const uint32_t byte = at->sub % 4 * 8;
    const simd_uint first = simd_word(at, l.sub, 0) >> byte;
    const simd_uint second = simd_word(at, l.sub, 1) >> byte;
    simd_uint sc = first & 63u, mn = second & 63u;

    if (at->sub >= 4) {
        const simd_uint third = simd_word(at, l.sub, 2) >> byte;
        sc = (third & 15u) | (first >> 2 & 48u);
        mn = (third >> 4 & 15u) | (second >> 2 & 48u);
    }
    *scale = simd_half_at(at, l.scale) * simd_number((simd_int)sc);
    *min = -(simd_half_at(at, l.scale + CPU_PACK_HALVES) * simd_number((simd_int)mn));
}

/* Scale and (negated) min of a half of a sub-block of Q2_K. */
SIMD_INLINE void simd_q2_k(const struct simd_at *at, uint32_t half, simd_float *scale,
                           simd_float *min)
{
    const struct cpu_pack_layout l = cpu_pack_layout(QUANT_Q2_K);
    const simd_uint pair = simd_word(at, l.sub, at->sub / 2) >> (at->sub % 2 * 2 + half) * 8;

    *scale = simd_half_at(at, l.scale) * simd_number((simd_int)(pair & 15u));
    *min =
        -(simd_half_at(at, l.scale + CPU_PACK_HALVES) * simd_number((simd_int)(pair >> 4 & 15u)));
}

/* The sub-scale of a block, or of its half, in types without a sub-min. */
SIMD_INLINE simd_int simd_subscale(enum quant type, const struct simd_at *at, uint32_t half)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);
    const uint32_t i = at->sub * 2 + half, byte = i % 4 * 8;

    if (type == QUANT_Q6_K)
        return (simd_int)(simd_word(at, l.sub, i / 4) << (24 - byte)) >> 24;
    if (type == QUANT_Q3_K) {
        const simd_uint low = simd_word(at, l.sub, i / 4 % 2) >> (byte + i / 8 * 4);
        const simd_uint high = simd_word(at, l.sub, 2) >> (byte + i / 4 * 2);
        return (simd_int)((low & 15u) | (high & 3u) << 4) - 32;
    }
    const simd_uint low = simd_word(at, l.sub, 0) >> (at->sub * 4); /* IQ4_XS */
    const simd_uint high =
        simd_load_halves(at->group + l.scale + CPU_PACK_HALVES + at->part * SIMD_LANES * 2) >>
        (at->sub * 2);
    return (simd_int)((low & 15u) | (high & 3u) << 4) - 32;
}

/* Scale and min of a block, or of its half; types without a min leave that. */
SIMD_INLINE void simd_factors(enum quant type, const struct simd_at *at, uint32_t half,
                              simd_float *scale, simd_float *min)
{
    const struct cpu_pack_layout l = cpu_pack_layout(type);

    switch (type) {
    case QUANT_Q2_K:
        simd_q2_k(at, half, scale, min);
        break;
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        simd_pairs(type, at, scale, min);
        break;
    case QUANT_Q3_K:
    case QUANT_Q6_K:
    case QUANT_IQ4_XS:
        *scale = simd_half_at(at, l.scale) * simd_number(simd_subscale(type, at, half));
        break;
    case QUANT_MXFP4:
        *scale = simd_e8m0_half(simd_load_bytes(at->group + l.scale + at->part * SIMD_LANES));
        break;
    default:
        *scale = simd_half_at(at, l.scale);
        if (quant_has_min(quant_form(type)))
            *min = simd_half_at(at, l.scale + CPU_PACK_HALVES);
        break;
    }
}

/* t of a half of a block, or of a whole one; sums: (n) of its columns. */
SIMD_INLINE void simd_part(struct simd_shape is, const struct simd_at *at, uint32_t half,
                           const float *sums, simd_float t[SIMD_COLUMNS])
{
    simd_float scale, min;

    simd_factors(is.type, at, half, &scale, &min);
    for (uint32_t j = 0; j < is.n; j++) {
        t[j] = scale * t[j];
        if (quant_has_min(quant_form(is.type)))
            t[j] = t[j] + min * sums[j];
    }
}

/* t of a whole block (NUMERICS.md 3); sums: (n) of the block's columns, of types with halves and a
 * min (2, n). */
SIMD_INLINE void simd_block(struct simd_shape is, const struct simd_at *at, const float *x,
                            const float *sums, simd_float t[SIMD_COLUMNS])
{
    if (quant_halves(quant_form(is.type)) == 2) {
        simd_float high[SIMD_COLUMNS];
        simd_terms(is, at, x, (struct simd_range){0, 4}, t);
        simd_terms(is, at, x, (struct simd_range){4, 8}, high);
        simd_part(is, at, 0, sums, t);
        simd_part(is, at, 1, sums + is.n, high);
        for (uint32_t j = 0; j < is.n; j++)
            t[j] = t[j] + high[j];
        return;
    }
    simd_terms(is, at, x, (struct simd_range){0, 8}, t);
    if (!simd_is_plain(is.type))
        simd_part(is, at, 0, sums, t);
}

/* The 16 partials of n columns; of fewer blocks than 16, the first ones. */
struct simd_partials {
    simd_float at[NM_PARTIALS][SIMD_COLUMNS];
};

SIMD_INLINE uint32_t simd_live(uint32_t blocks)
{
    return blocks < NM_PARTIALS ? blocks : NM_PARTIALS;
}

SIMD_INLINE void simd_clear(struct simd_partials *p, uint32_t blocks, uint32_t n)
{
    for (uint32_t i = 0; i < simd_live(blocks); i++) {
        for (uint32_t j = 0; j < n; j++)
            p->at[i][j] = simd_negative_zero();
    }
}

SIMD_INLINE void simd_add_block(struct simd_partials *p, uint32_t b, uint32_t n,
                                const simd_float t[SIMD_COLUMNS])
{
    simd_float *partial = p->at[b % NM_PARTIALS];

    for (uint32_t j = 0; j < n; j++)
        partial[j] = partial[j] + t[j];
}

/* Joins the first `blocks` partials by the tree; the result is p->at[0]. */
SIMD_INLINE void simd_tree(struct simd_partials *p, uint32_t blocks, uint32_t n)
{
    uint32_t live = simd_live(blocks);

    for (uint32_t apart = NM_PARTIALS / 2; apart > 0; apart /= 2) {
        for (uint32_t i = 0; i + apart < live; i++) {
            for (uint32_t j = 0; j < n; j++)
                p->at[i][j] = p->at[i][j] + p->at[i + apart][j];
        }
        live = live < apart ? live : apart;
    }
}

#endif

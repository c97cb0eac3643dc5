/* SPDX-License-Identifier: MIT */
/* Weights packed for the SIMD forms: 16 rows side by side, a bijection on the bits of GGUF blocks.
 *
 * A tile holds 16 rows: one group for each GGUF block of a row (F types: for 32 elements, the last
 * perhaps fewer), with as many bytes as the 16 blocks have in the file. Of a group, by type:
 *
 * F32, F16, BF16  (count, 16 rows) elements
 * Q8_0            codes, scale
 * Q4_0, Q4_1      nibbles, scale, min of Q4_1
 * IQ4_NL          nibbles, scale
 * MXFP4           nibbles, (16 rows) bytes of exponents
 * Q5_0, Q5_1      nibbles, fifths, scale, min of Q5_1
 * Q2_K            (8) sixths, (4, 16 rows) words of sub-scales and sub-minima, scale, min
 * Q3_K            (8) sixths, (8) fifths, (3, 16 rows) words of sub-scales, scale
 * Q4_K            (8) nibbles, pairs, scale, min
 * Q5_K            (8) nibbles, (8) fifths, pairs, scale, min
 * Q6_K            (8) nibbles, (8) sixths, (4, 16 rows) words of sub-scales, scale
 * IQ4_XS          (8) nibbles, (16 rows) words of sub-scales, scale, (16 rows, 16 bits) of their
 *                 upper bits
 *
 * codes    (4 chains, 2, 16 rows) words: byte i % 4 of word i / 4 is element 4 i + chain
 * nibbles  (4 chains, 16 rows) words: byte i of them holds elements 4 i + chain and, in its upper
 *          half, 16 + 4 i + chain
 * fifths   (16 rows) words: bit 8 i + chain is the fifth bit of element 4 i + chain, bit
 *          8 i + 4 + chain that of element 16 + 4 i + chain; of Q3_K the third bits
 * sixths   (2, 16 rows) words: bits 8 i + 2 chain and above of word 0 are the upper two of element
 *          4 i + chain, those of word 1 of element 16 + 4 i + chain; of Q2_K and Q3_K the lower two
 * pairs    (3, 16 rows) words: the 12 bytes of 6-bit sub-scales and sub-minima as in the file
 * scale, min  (16 rows) f16
 *
 * Codes with an offset have its top bit flipped, so that a byte is a signed number: Q3_K, Q4_0,
 * Q5_0 and Q6_K hold (code - offset) modulo 8, 16, 32, 64. Rows beyond the tensor's are zeros. */
#ifndef VKFI_CPU_CPU_PACK_H
#define VKFI_CPU_CPU_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "model/gguf.h"

#define CPU_PACK_LANES 16u
#define CPU_PACK_NIBBLES 256u /* bytes of 32 elements of 16 rows */
#define CPU_PACK_CODES 512u
#define CPU_PACK_FIFTHS 64u
#define CPU_PACK_SIXTHS 128u
#define CPU_PACK_PAIRS 192u
#define CPU_PACK_SUBSCALES 256u
#define CPU_PACK_HALVES 32u /* 16 f16 numbers */

/* Where the parts of a group start, in bytes; constant for a constant type. */
struct cpu_pack_layout {
    uint32_t high;  /* fifths, or the sixths of Q6_K; others' sixths are first */
    uint32_t sub;   /* pairs, sub-scales */
    uint32_t scale; /* f16; a min, or the upper bits of sub-scales, follow */
    uint32_t bytes; /* of a whole group */
};

/* Parts follow each other; 0: none. */
static inline struct cpu_pack_layout cpu_pack_parts(uint32_t codes, uint32_t high, uint32_t sub,
                                                    uint32_t scales)
{
    return (struct cpu_pack_layout){.high = codes,
                                    .sub = codes + high,
                                    .scale = codes + high + sub,
                                    .bytes = codes + high + sub + scales};
}

static inline struct cpu_pack_layout cpu_pack_layout(enum quant type)
{
    const uint32_t nibbles = CPU_PACK_NIBBLES, fifths = CPU_PACK_FIFTHS, sixths = CPU_PACK_SIXTHS;
    const uint32_t one = CPU_PACK_HALVES, two = 2 * CPU_PACK_HALVES;

    switch (type) {
    case QUANT_Q8_0:
        return cpu_pack_parts(CPU_PACK_CODES, 0, 0, one);
    case QUANT_Q4_0:
    case QUANT_IQ4_NL:
        return cpu_pack_parts(nibbles, 0, 0, one);
    case QUANT_Q4_1:
        return cpu_pack_parts(nibbles, 0, 0, two);
    case QUANT_MXFP4:
        return cpu_pack_parts(nibbles, 0, 0, CPU_PACK_LANES);
    case QUANT_Q5_0:
        return cpu_pack_parts(nibbles, fifths, 0, one);
    case QUANT_Q5_1:
        return cpu_pack_parts(nibbles, fifths, 0, two);
    case QUANT_Q2_K:
        return cpu_pack_parts(8 * sixths, 0, CPU_PACK_SUBSCALES, two);
    case QUANT_Q3_K:
        return cpu_pack_parts(8 * sixths, 8 * fifths, CPU_PACK_PAIRS, one);
    case QUANT_Q4_K:
        return cpu_pack_parts(8 * nibbles, 0, CPU_PACK_PAIRS, two);
    case QUANT_Q5_K:
        return cpu_pack_parts(8 * nibbles, 8 * fifths, CPU_PACK_PAIRS, two);
    case QUANT_Q6_K:
        return cpu_pack_parts(8 * nibbles, 8 * sixths, CPU_PACK_SUBSCALES, one);
    case QUANT_IQ4_XS:
        return cpu_pack_parts(8 * nibbles, 0, 4 * CPU_PACK_LANES, two);
    case QUANT_F32:
        return cpu_pack_parts(32 * CPU_PACK_LANES * 4, 0, 0, 0);
    default: /* F16, BF16 */
        return cpu_pack_parts(32 * CPU_PACK_LANES * 2, 0, 0, 0);
    }
}

/* Bytes of 16 rows: the same as in the file. */
size_t cpu_pack_tile_bytes(enum quant type, uint64_t width);

/* Rows 16 tile .. of the tensor's data; `out` is zeroed. */
void cpu_pack_tile(const struct tensor *tensor, uint32_t tile, uint8_t *out);

/* One row of a tile in GGUF bytes, and back. */
void cpu_pack_row(const struct tensor *tensor, const uint8_t *tile, uint32_t lane, uint8_t *out);
void cpu_pack_put_row(const struct tensor *tensor, uint8_t *tile, uint32_t lane,
                      const uint8_t *row);

#endif

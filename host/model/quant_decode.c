/* SPDX-License-Identifier: MIT */
/* The numbers that stored blocks mean. */
#include <assert.h>
#include <string.h>

#include "model/quant.h"
#include "model/quant_layout.h"
#include "shared/numerics.h"

static uint32_t load16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t load32(const uint8_t *p)
{
    return load16(p) | load16(p + 2) << 16;
}

static float load_half(const uint8_t *p)
{
    return nm_f16_to_f32(load16(p));
}

static void decode_plain(enum quant type, const uint8_t *row, uint64_t begin,
                         struct quant_block *out)
{
    for (uint32_t i = 0; i < out->count; i++) {
        uint64_t k = begin + i;
        if (type == QUANT_F16)
            out->code[i] = load_half(row + 2 * k);
        else if (type == QUANT_BF16)
            out->code[i] = nm_bf16_to_f32(load16(row + 2 * k));
        else
            memcpy(&out->code[i], row + 4 * k, sizeof(out->code[i]));
    }
}

/* 16 bytes of nibbles, each with its fifth bit from `high` (or 0), minus `offset`. */
static void decode_nibbles(const uint8_t *codes, uint32_t high, int32_t offset,
                           struct quant_block *out)
{
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t lower = (codes[i] & 15u) | (high >> i & 1u) << 4;
        uint32_t upper = (uint32_t)(codes[i] >> 4) | (high >> (i + 16) & 1u) << 4;
        out->code[i] = (float)((int32_t)lower - offset);
        out->code[i + 16] = (float)((int32_t)upper - offset);
    }
}

/* Sub-block `sub` of a Q4_K or Q5_K block; `high` is null for Q4_K. */
static void decode_packed(const uint8_t *block, const uint8_t *codes, const uint8_t *high,
                          uint32_t sub, struct quant_block *out)
{
    const uint8_t *s = block + QUANT_K_SUBSCALES;
    uint32_t shift = sub % 2 * 4, scale, min;

    if (sub < 4) {
        scale = s[sub] & 63u;
        min = s[sub + 4] & 63u;
    } else {
        scale = (s[sub + 4] & 15u) | (uint32_t)(s[sub - 4] >> 6) << 4;
        min = (uint32_t)(s[sub + 4] >> 4) | (uint32_t)(s[sub] >> 6) << 4;
    }
    out->scale[0] = load_half(block) * (float)scale;
    out->min[0] = -(load_half(block + 2) * (float)min);
    codes += sub / 2 * 32;
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t code = codes[i] >> shift & 15u;
        if (high)
            code |= (high[i] >> sub & 1u) << 4;
        out->code[i] = (float)code;
    }
}

/* Two bits of each of 32 bytes, from bit `shift` on. */
static uint32_t pair_of(const uint8_t *bytes, uint32_t i, uint32_t shift)
{
    return bytes[i] >> shift & 3u;
}

static void decode_q2_k(const uint8_t *block, uint32_t sub, struct quant_block *out)
{
    const uint8_t *codes = block + QUANT_Q2_K_CODES + sub / 4 * 32;

    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t pair = block[2 * sub + i];
        out->scale[i] = load_half(block + QUANT_Q2_K_SCALE) * (float)(pair & 15);
        out->min[i] = -(load_half(block + QUANT_Q2_K_SCALE + 2) * (float)(pair >> 4));
    }
    for (uint32_t i = 0; i < 32; i++)
        out->code[i] = (float)pair_of(codes, i, sub % 4 * 2);
}

static void decode_q3_k(const uint8_t *block, uint32_t sub, struct quant_block *out)
{
    const uint8_t *codes = block + QUANT_Q3_K_CODES + sub / 4 * 32;
    const uint8_t *scales = block + QUANT_Q3_K_SUBSCALES;

    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t half = 2 * sub + i;
        const uint32_t low = scales[half % 8] >> half / 8 * 4 & 15u;
        const uint32_t high = pair_of(scales + 8, half % 4, half / 4 * 2);
        out->scale[i] =
            load_half(block + QUANT_Q3_K_SCALE) * (float)((int32_t)(low | high << 4) - 32);
    }
    for (uint32_t i = 0; i < 32; i++) {
        const uint32_t code = pair_of(codes, i, sub % 4 * 2) | (block[i] >> sub & 1u) << 2;
        out->code[i] = (float)((int32_t)code - 4);
    }
}

static void decode_q6_k(const uint8_t *block, uint32_t sub, struct quant_block *out)
{
    const uint8_t *lower = block + sub / 4 * 64 + sub % 2 * 32;
    const uint8_t *upper = block + QUANT_Q6_K_HIGH + sub / 4 * 32;
    uint32_t shift = sub / 2 % 2 * 4, high_shift = sub % 4 * 2;

    for (uint32_t i = 0; i < 2; i++) {
        int8_t scale = (int8_t)block[QUANT_Q6_K_SUBSCALES + 2 * sub + i];
        out->scale[i] = load_half(block + QUANT_Q6_K_SCALE) * (float)scale;
    }
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t code = (lower[i] >> shift & 15u) | pair_of(upper, i, high_shift) << 4;
        out->code[i] = (float)((int32_t)code - 32);
    }
}

/* Sub-block `sub` of IQ4_XS; the scale alone. */
static float scale_iq4_xs(const uint8_t *block, uint32_t sub)
{
    const uint32_t low = block[QUANT_IQ4_XS_SUBSCALES + sub / 2] >> sub % 2 * 4 & 15u;
    const uint32_t high = load16(block + 2) >> 2 * sub & 3u;

    return load_half(block) * (float)((int32_t)(low | high << 4) - 32);
}

/* 16 bytes of nibbles, each an index into a table. */
static void decode_table(int32_t (*value)(uint32_t), const uint8_t *codes, struct quant_block *out)
{
    for (uint32_t i = 0; i < 16; i++) {
        out->code[i] = (float)value(codes[i] & 15u);
        out->code[i + 16] = (float)value((uint32_t)codes[i] >> 4);
    }
}

/* Blocks of 32 elements. */
static void decode_small(enum quant type, const uint8_t *block, struct quant_block *out)
{
    out->scale[0] = type == QUANT_MXFP4 ? nm_e8m0_half(block[0]) : load_half(block);
    if (quant_form(type) == QUANT_FORM_MIN)
        out->min[0] = load_half(block + 2);
    switch (type) {
    case QUANT_Q4_0:
        decode_nibbles(block + 2, 0, 8, out);
        break;
    case QUANT_Q4_1:
        decode_nibbles(block + 4, 0, 0, out);
        break;
    case QUANT_Q5_0:
        decode_nibbles(block + 6, load32(block + 2), 16, out);
        break;
    case QUANT_Q5_1:
        decode_nibbles(block + 8, load32(block + 4), 0, out);
        break;
    case QUANT_IQ4_NL:
        decode_table(nm_iq4, block + 2, out);
        break;
    case QUANT_MXFP4:
        decode_table(nm_fp4_twice, block + 1, out);
        break;
    default: /* Q8_0 */
        for (uint32_t i = 0; i < 32; i++)
            out->code[i] = (float)(int8_t)block[2 + i];
        break;
    }
}

void quant_decode(enum quant type, const uint8_t *row, uint64_t width, uint64_t b,
                  struct quant_block *out)
{
    const uint64_t begin = 32 * b;
    const uint32_t sub = (uint32_t)(b % 8), elements = quant_block_elements(type);
    const uint8_t *block = row + begin / elements * quant_block_bytes(type);

    assert(begin < width);
    memset(out, 0, sizeof(*out));
    out->count = width - begin < 32 ? (uint32_t)(width - begin) : 32;
    switch (type) {
    case QUANT_F32:
    case QUANT_F16:
    case QUANT_BF16:
        decode_plain(type, row, begin, out);
        break;
    case QUANT_Q2_K:
        decode_q2_k(block, sub, out);
        break;
    case QUANT_Q3_K:
        decode_q3_k(block, sub, out);
        break;
    case QUANT_Q4_K:
        decode_packed(block, block + QUANT_Q4_K_CODES, NULL, sub, out);
        break;
    case QUANT_Q5_K:
        decode_packed(block, block + QUANT_Q5_K_CODES, block + QUANT_Q5_K_HIGH, sub, out);
        break;
    case QUANT_Q6_K:
        decode_q6_k(block, sub, out);
        break;
    case QUANT_IQ4_XS:
        out->scale[0] = scale_iq4_xs(block, sub);
        decode_table(nm_iq4, block + QUANT_IQ4_XS_CODES + 16 * sub, out);
        break;
    default:
        decode_small(type, block, out);
        break;
    }
}

void quant_dequantize(enum quant type, const uint8_t *row, uint64_t width, float *out)
{
    const enum quant_form form = quant_form(type);
    struct quant_block block;

    for (uint64_t b = 0; 32 * b < width; b++) {
        quant_decode(type, row, width, b, &block);
        for (uint32_t i = 0; i < block.count; i++) {
            const uint32_t half = quant_halves(form) == 2 ? i / 16 : 0;
            float value = block.code[i];
            if (form != QUANT_FORM_PLAIN)
                value = block.scale[half] * value;
            if (quant_has_min(form))
                value = value + block.min[half];
            out[32 * b + i] = value;
        }
    }
}

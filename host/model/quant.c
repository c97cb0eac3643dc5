/* SPDX-License-Identifier: MIT */
/* The stored layout of each tensor type: the place of its bits, and the numbers they mean. */
#include "model/quant.h"

#include <assert.h>
#include <string.h>

#include "shared/numerics.h"

/* Byte offsets in a block of 256 of the K types. */
#define QUANT_K_SUBSCALES 4 /* 12 bytes of packed 6-bit pairs: Q4_K, Q5_K */
#define QUANT_Q4_K_CODES 16
#define QUANT_Q5_K_HIGH 16
#define QUANT_Q5_K_CODES 48
#define QUANT_Q6_K_HIGH 128
#define QUANT_Q6_K_SUBSCALES 192
#define QUANT_Q6_K_SCALE 208

struct quant_traits {
    const char *name;
    uint32_t id, elements, bytes;
};

static const struct quant_traits quant_traits[QUANT_COUNT] = {
#define QUANT_ENTRY(name, id, elements, bytes) {#name, id, elements, bytes},
    QUANT_TYPES(QUANT_ENTRY)
#undef QUANT_ENTRY
};

static const char *const quant_field_names[QUANT_FIELD_COUNT] = {
#define QUANT_ENTRY(name, text) text,
    QUANT_FIELDS(QUANT_ENTRY)
#undef QUANT_ENTRY
};

const char *quant_name(enum quant type)
{
    return quant_traits[type].name;
}

uint32_t quant_id(enum quant type)
{
    return quant_traits[type].id;
}

const char *quant_field_name(enum quant_field field)
{
    return quant_field_names[field];
}

uint32_t quant_block_elements(enum quant type)
{
    return quant_traits[type].elements;
}

uint32_t quant_block_bytes(enum quant type)
{
    return quant_traits[type].bytes;
}

const char *quant_id_name(uint32_t gguf_id)
{
    /* enum ggml_type, with the ones that were taken out again. */
    static const char *const names[] = {
        "F32",   "F16",        "Q4_0",       "Q4_1",       "Q4_2",     "Q4_3",     "Q5_0",
        "Q5_1",  "Q8_0",       "Q8_1",       "Q2_K",       "Q3_K",     "Q4_K",     "Q5_K",
        "Q6_K",  "Q8_K",       "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",  "IQ1_S",    "IQ4_NL",
        "IQ3_S", "IQ2_S",      "IQ4_XS",     "I8",         "I16",      "I32",      "I64",
        "F64",   "IQ1_M",      "BF16",       "Q4_0_4_4",   "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",
        "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",    "NVFP4",    "Q1_0",
        "Q2_0",
    };

    return gguf_id < sizeof(names) / sizeof(names[0]) ? names[gguf_id] : NULL;
}

bool quant_from_id(uint32_t gguf_id, enum quant *out)
{
    for (int i = 0; i < QUANT_COUNT; i++) {
        if (quant_traits[i].id == gguf_id) {
            *out = (enum quant)i;
            return true;
        }
    }
    return false;
}

size_t quant_row_bytes(enum quant type, uint64_t width)
{
    assert(width % quant_traits[type].elements == 0);
    return (size_t)(width / quant_traits[type].elements * quant_traits[type].bytes);
}

enum quant_form quant_form(enum quant type)
{
    switch (type) {
    case QUANT_Q4_0:
    case QUANT_Q5_0:
    case QUANT_Q8_0:
        return QUANT_FORM_SCALE;
    case QUANT_Q4_1:
    case QUANT_Q5_1:
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        return QUANT_FORM_MIN;
    case QUANT_Q6_K:
        return QUANT_FORM_HALF;
    default:
        return QUANT_FORM_PLAIN;
    }
}

static uint32_t code_width(enum quant type)
{
    switch (type) {
    case QUANT_F32:
        return 32;
    case QUANT_F16:
    case QUANT_BF16:
        return 16;
    case QUANT_Q8_0:
        return 8;
    case QUANT_Q6_K:
        return 6;
    case QUANT_Q5_0:
    case QUANT_Q5_1:
    case QUANT_Q5_K:
        return 5;
    default:
        return 4;
    }
}

uint32_t quant_field_width(enum quant type, enum quant_field field)
{
    enum quant_form form = quant_form(type);
    bool packed = type == QUANT_Q4_K || type == QUANT_Q5_K;

    switch (field) {
    case QUANT_FIELD_CODE:
        return code_width(type);
    case QUANT_FIELD_SCALE:
        return form == QUANT_FORM_PLAIN ? 0 : 16;
    case QUANT_FIELD_MIN:
        return form == QUANT_FORM_MIN ? 16 : 0;
    case QUANT_FIELD_SUBSCALE:
        return type == QUANT_Q6_K ? 8 : packed ? 6 : 0;
    case QUANT_FIELD_SUBMIN:
        return packed ? 6 : 0;
    default:
        return 0;
    }
}

/* Bit `bit` of the code of element `e` of its block, as a bit index from the block's first byte. */
static uint32_t code_place(enum quant type, uint32_t e, uint32_t bit)
{
    /* Halves of a block of 32 share bytes: element e and e + 16 are one byte's nibbles. */
    uint32_t nibble = (e % 16) * 8 + e / 16 * 4;

    switch (type) {
    case QUANT_Q4_0:
        return 2 * 8 + nibble + bit;
    case QUANT_Q4_1:
        return 4 * 8 + nibble + bit;
    case QUANT_Q5_0:
        return bit == 4 ? 2 * 8 + e : 6 * 8 + nibble + bit;
    case QUANT_Q5_1:
        return bit == 4 ? 4 * 8 + e : 8 * 8 + nibble + bit;
    case QUANT_Q8_0:
        return (2 + e) * 8 + bit;
    case QUANT_Q4_K:
        return (QUANT_Q4_K_CODES + e / 64 * 32 + e % 32) * 8 + e / 32 % 2 * 4 + bit;
    case QUANT_Q5_K:
        if (bit == 4)
            return (QUANT_Q5_K_HIGH + e % 32) * 8 + e / 32;
        return (QUANT_Q5_K_CODES + e / 64 * 32 + e % 32) * 8 + e / 32 % 2 * 4 + bit;
    case QUANT_Q6_K:
        if (bit >= 4)
            return (QUANT_Q6_K_HIGH + e / 128 * 32 + e % 32) * 8 + e / 32 % 4 * 2 + bit - 4;
        return (e / 128 * 64 + e % 64) * 8 + e / 64 % 2 * 4 + bit;
    default: /* one element per block */
        return bit;
    }
}

/* The packed 6-bit pairs: sub-blocks 0..3 have whole bytes but for their top bits, which hold the
 * upper two bits of sub-blocks 4..7. */
static uint32_t packed_place(uint32_t sub, bool min, uint32_t bit)
{
    uint32_t byte = QUANT_K_SUBSCALES;

    if (sub < 4)
        return (byte + sub + (min ? 4 : 0)) * 8 + bit;
    if (bit < 4)
        return (byte + sub + 4) * 8 + (min ? 4 : 0) + bit;
    return (byte + sub - (min ? 0 : 4)) * 8 + 6 + bit - 4;
}

struct quant_place quant_field_place(enum quant type, uint64_t k, enum quant_field field,
                                     uint32_t bit)
{
    const struct quant_traits *traits = &quant_traits[type];
    uint32_t e = (uint32_t)(k % traits->elements), place = 0;

    assert(bit < quant_field_width(type, field));
    switch (field) {
    case QUANT_FIELD_SCALE:
        place = (type == QUANT_Q6_K ? QUANT_Q6_K_SCALE * 8 : 0) + bit;
        break;
    case QUANT_FIELD_MIN:
        place = 2 * 8 + bit;
        break;
    case QUANT_FIELD_SUBSCALE:
        place = type == QUANT_Q6_K ? (QUANT_Q6_K_SUBSCALES + e / 16) * 8 + bit
                                   : packed_place(e / 32, false, bit);
        break;
    case QUANT_FIELD_SUBMIN:
        place = packed_place(e / 32, true, bit);
        break;
    default:
        place = code_place(type, e, bit);
        break;
    }
    return (struct quant_place){.byte = k / traits->elements * traits->bytes + place / 8,
                                .bit = place % 8};
}

uint32_t quant_field_read(enum quant type, const uint8_t *row, uint64_t k, enum quant_field field)
{
    uint32_t width = quant_field_width(type, field), bits = 0;

    for (uint32_t i = 0; i < width; i++) {
        struct quant_place at = quant_field_place(type, k, field, i);
        bits |= (uint32_t)(row[at.byte] >> at.bit & 1) << i;
    }
    return bits;
}

void quant_field_write(enum quant type, uint8_t *row, uint64_t k, enum quant_field field,
                       uint32_t bits)
{
    uint32_t width = quant_field_width(type, field);

    for (uint32_t i = 0; i < width; i++) {
        struct quant_place at = quant_field_place(type, k, field, i);
        row[at.byte] = (uint8_t)((row[at.byte] & ~(1u << at.bit)) | (bits >> i & 1u) << at.bit);
    }
}

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
    out->min = -(load_half(block + 2) * (float)min);
    codes += sub / 2 * 32;
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t code = codes[i] >> shift & 15u;
        if (high)
            code |= (high[i] >> sub & 1u) << 4;
        out->code[i] = (float)code;
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
        uint32_t code = (lower[i] >> shift & 15u) | (upper[i] >> high_shift & 3u) << 4;
        out->code[i] = (float)((int32_t)code - 32);
    }
}

void quant_decode(enum quant type, const uint8_t *row, uint64_t width, uint64_t b,
                  struct quant_block *out)
{
    uint64_t begin = 32 * b;
    uint32_t sub = (uint32_t)(b % 8);
    const uint8_t *block = row + begin / quant_traits[type].elements * quant_traits[type].bytes;

    assert(begin < width);
    memset(out, 0, sizeof(*out));
    out->count = width - begin < 32 ? (uint32_t)(width - begin) : 32;
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
    case QUANT_Q8_0:
        for (uint32_t i = 0; i < 32; i++)
            out->code[i] = (float)(int8_t)block[2 + i];
        break;
    case QUANT_Q4_K:
        decode_packed(block, block + QUANT_Q4_K_CODES, NULL, sub, out);
        return;
    case QUANT_Q5_K:
        decode_packed(block, block + QUANT_Q5_K_CODES, block + QUANT_Q5_K_HIGH, sub, out);
        return;
    case QUANT_Q6_K:
        decode_q6_k(block, sub, out);
        return;
    default:
        decode_plain(type, row, begin, out);
        return;
    }
    out->scale[0] = load_half(block);
    if (quant_form(type) == QUANT_FORM_MIN)
        out->min = load_half(block + 2);
}

void quant_dequantize(enum quant type, const uint8_t *row, uint64_t width, float *out)
{
    enum quant_form form = quant_form(type);
    struct quant_block block;

    for (uint64_t b = 0; 32 * b < width; b++) {
        quant_decode(type, row, width, b, &block);
        for (uint32_t i = 0; i < block.count; i++) {
            float value = block.code[i];
            if (form != QUANT_FORM_PLAIN)
                value = block.scale[form == QUANT_FORM_HALF ? i / 16 : 0] * value;
            if (form == QUANT_FORM_MIN)
                value = value + block.min;
            out[32 * b + i] = value;
        }
    }
}

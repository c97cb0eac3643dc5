/* SPDX-License-Identifier: MIT */
/* The stored layout of each tensor type: its size, its fields, the place of each of their bits. */
#include "model/quant.h"

#include <assert.h>

#include "model/quant_layout.h"

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

/* Bits of each field, and the elements that share a sub-scale. */
struct quant_widths {
    uint8_t bits[QUANT_FIELD_COUNT], sub;
};

static const struct quant_widths quant_widths[QUANT_COUNT] = {
    [QUANT_F32] = {{32}, 0},
    [QUANT_F16] = {{16}, 0},
    [QUANT_BF16] = {{16}, 0},
    [QUANT_Q4_0] = {{4, 16}, 0},
    [QUANT_Q4_1] = {{4, 16, 16}, 0},
    [QUANT_Q5_0] = {{5, 16}, 0},
    [QUANT_Q5_1] = {{5, 16, 16}, 0},
    [QUANT_Q8_0] = {{8, 16}, 0},
    [QUANT_Q2_K] = {{2, 16, 16, 4, 4}, 16},
    [QUANT_Q3_K] = {{3, 16, 0, 6}, 16},
    [QUANT_Q4_K] = {{4, 16, 16, 6, 6}, 32},
    [QUANT_Q5_K] = {{5, 16, 16, 6, 6}, 32},
    [QUANT_Q6_K] = {{6, 16, 0, 8}, 16},
    [QUANT_IQ4_NL] = {{4, 16}, 0},
    [QUANT_IQ4_XS] = {{4, 16, 0, 6}, 32},
    [QUANT_MXFP4] = {{4, 8}, 0},
};

uint32_t quant_field_width(enum quant type, enum quant_field field)
{
    return quant_widths[type].bits[field];
}

uint32_t quant_field_span(enum quant type, enum quant_field field)
{
    if (field == QUANT_FIELD_CODE)
        return 1;
    if ((field == QUANT_FIELD_SUBSCALE || field == QUANT_FIELD_SUBMIN) && quant_widths[type].sub)
        return quant_widths[type].sub;
    return quant_traits[type].elements;
}

/* The nibble of element e where halves of a block of 32 share bytes: elements e and e + 16. */
static uint32_t nibble_place(uint32_t e)
{
    return e % 16 * 8 + e / 16 * 4;
}

/* A code of two bits in a block of 256: four blocks of 32 share 32 bytes. */
static uint32_t pair_place(uint32_t e)
{
    return (e / 128 * 32 + e % 32) * 8 + e / 32 % 4 * 2;
}

/* Bit `bit` of the code of element `e` of its block, as a bit index from the block's first byte. */
static uint32_t code_place(enum quant type, uint32_t e, uint32_t bit)
{
    switch (type) {
    case QUANT_Q4_0:
    case QUANT_IQ4_NL:
        return 2 * 8 + nibble_place(e) + bit;
    case QUANT_Q4_1:
        return 4 * 8 + nibble_place(e) + bit;
    case QUANT_Q5_0:
        return bit == 4 ? 2 * 8 + e : 6 * 8 + nibble_place(e) + bit;
    case QUANT_Q5_1:
        return bit == 4 ? 4 * 8 + e : 8 * 8 + nibble_place(e) + bit;
    case QUANT_Q8_0:
        return (2 + e) * 8 + bit;
    case QUANT_Q2_K:
        return QUANT_Q2_K_CODES * 8 + pair_place(e) + bit;
    case QUANT_Q3_K:
        return bit == 2 ? e % 32 * 8 + e / 32 : QUANT_Q3_K_CODES * 8 + pair_place(e) + bit;
    case QUANT_Q4_K:
        return (QUANT_Q4_K_CODES + e / 64 * 32 + e % 32) * 8 + e / 32 % 2 * 4 + bit;
    case QUANT_Q5_K:
        if (bit == 4)
            return (QUANT_Q5_K_HIGH + e % 32) * 8 + e / 32;
        return (QUANT_Q5_K_CODES + e / 64 * 32 + e % 32) * 8 + e / 32 % 2 * 4 + bit;
    case QUANT_Q6_K:
        if (bit >= 4)
            return QUANT_Q6_K_HIGH * 8 + pair_place(e) + bit - 4;
        return (e / 128 * 64 + e % 64) * 8 + e / 64 % 2 * 4 + bit;
    case QUANT_IQ4_XS:
        return (QUANT_IQ4_XS_CODES + e / 32 * 16) * 8 + nibble_place(e % 32) + bit;
    case QUANT_MXFP4:
        return 8 + nibble_place(e) + bit;
    default: /* one element per block */
        return bit;
    }
}

/* The packed 6-bit pairs of Q4_K and Q5_K: sub-blocks 0..3 have whole bytes but for their top bits,
 * which hold the upper two bits of sub-blocks 4..7. */
static uint32_t packed_place(uint32_t sub, bool min, uint32_t bit)
{
    uint32_t byte = QUANT_K_SUBSCALES;

    if (sub < 4)
        return (byte + sub + (min ? 4 : 0)) * 8 + bit;
    if (bit < 4)
        return (byte + sub + 4) * 8 + (min ? 4 : 0) + bit;
    return (byte + sub - (min ? 0 : 4)) * 8 + 6 + bit - 4;
}

/* A bit of the sub-scale of element e; Q3_K and IQ4_XS keep its upper two bits apart. */
static uint32_t subscale_place(enum quant type, uint32_t e, uint32_t bit)
{
    const uint32_t half = e / 16, sub = e / 32;

    switch (type) {
    case QUANT_Q2_K:
        return half * 8 + bit;
    case QUANT_Q3_K:
        if (bit >= 4)
            return (QUANT_Q3_K_SUBSCALES + 8 + half % 4) * 8 + half / 4 * 2 + bit - 4;
        return (QUANT_Q3_K_SUBSCALES + half % 8) * 8 + half / 8 * 4 + bit;
    case QUANT_Q6_K:
        return (QUANT_Q6_K_SUBSCALES + half) * 8 + bit;
    case QUANT_IQ4_XS:
        return bit >= 4 ? 2 * 8 + sub * 2 + bit - 4 : QUANT_IQ4_XS_SUBSCALES * 8 + sub * 4 + bit;
    default: /* Q4_K, Q5_K */
        return packed_place(sub, false, bit);
    }
}

/* First byte of the scale; a min follows. */
static uint32_t scale_byte(enum quant type)
{
    switch (type) {
    case QUANT_Q2_K:
        return QUANT_Q2_K_SCALE;
    case QUANT_Q3_K:
        return QUANT_Q3_K_SCALE;
    case QUANT_Q6_K:
        return QUANT_Q6_K_SCALE;
    default:
        return 0;
    }
}

struct quant_place quant_field_place(enum quant type, uint64_t k, enum quant_field field,
                                     uint32_t bit)
{
    const struct quant_traits *traits = &quant_traits[type];
    uint32_t e = (uint32_t)(k % traits->elements), place = 0;

    assert(bit < quant_field_width(type, field));
    switch (field) {
    case QUANT_FIELD_SCALE:
        place = scale_byte(type) * 8 + bit;
        break;
    case QUANT_FIELD_MIN:
        place = (scale_byte(type) + 2) * 8 + bit;
        break;
    case QUANT_FIELD_SUBSCALE:
        place = subscale_place(type, e, bit);
        break;
    case QUANT_FIELD_SUBMIN:
        place = type == QUANT_Q2_K ? e / 16 * 8 + 4 + bit : packed_place(e / 32, true, bit);
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

/* SPDX-License-Identifier: MIT */
/* The tensor types of NUMERICS.md 3 as GGUF stores them: sizes, decoding, the bits of each field.
 */
#ifndef VKFI_MODEL_QUANT_H
#define VKFI_MODEL_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, GGUF type id, elements a block, bytes a block */
#define QUANT_TYPES(X)                                                                             \
    X(F32, 0, 1, 4)                                                                                \
    X(F16, 1, 1, 2)                                                                                \
    X(Q4_0, 2, 32, 18)                                                                             \
    X(Q4_1, 3, 32, 20)                                                                             \
    X(Q5_0, 6, 32, 22)                                                                             \
    X(Q5_1, 7, 32, 24)                                                                             \
    X(Q8_0, 8, 32, 34)                                                                             \
    X(Q2_K, 10, 256, 84)                                                                           \
    X(Q3_K, 11, 256, 110)                                                                          \
    X(Q4_K, 12, 256, 144)                                                                          \
    X(Q5_K, 13, 256, 176)                                                                          \
    X(Q6_K, 14, 256, 210)                                                                          \
    X(IQ4_NL, 20, 32, 18)                                                                          \
    X(IQ4_XS, 23, 256, 136)                                                                        \
    X(BF16, 30, 1, 2)                                                                              \
    X(MXFP4, 39, 32, 17)

enum quant {
#define QUANT_ENUM(name, id, elements, bytes) QUANT_##name,
    QUANT_TYPES(QUANT_ENUM)
#undef QUANT_ENUM
        QUANT_COUNT
};

/* Fields of a stored block. A field value is its stored bits, unsigned, right-aligned: the code
 * before its offset (with its high bits), or the index into the table of IQ4_NL, IQ4_XS and MXFP4;
 * the 16 bits of an f16 scale, the 4, 6 or 8 bits of a sub-scale. */
#define QUANT_FIELDS(X)                                                                            \
    X(CODE, "code")         /* one element; the whole value for F32, F16, BF16 */                  \
    X(SCALE, "scale")       /* d, f16; of MXFP4 the 8 bits of an exponent */                       \
    X(MIN, "min")           /* m of Q4_1, Q5_1; dmin of Q2_K, Q4_K, Q5_K; f16 */                   \
    X(SUBSCALE, "subscale") /* sc of the sub-block that holds the element (K types, IQ4_XS) */     \
    X(SUBMIN, "submin")     /* mn of the sub-block (Q2_K, Q4_K, Q5_K) */

enum quant_field {
#define QUANT_ENUM(name, text) QUANT_FIELD_##name,
    QUANT_FIELDS(QUANT_ENUM)
#undef QUANT_ENUM
        QUANT_FIELD_COUNT
};

const char *quant_name(enum quant type);              /* "Q4_1" */
const char *quant_field_name(enum quant_field field); /* "code" */
uint32_t quant_block_elements(enum quant type);
uint32_t quant_block_bytes(enum quant type);
bool quant_from_id(uint32_t gguf_id, enum quant *out); /* false: a type this program lacks */
uint32_t quant_id(enum quant type);

/* "IQ2_XXS": the name of any type that the format ever had; null: no such type. */
const char *quant_id_name(uint32_t gguf_id);

/* Bytes of a row of `width` elements; width is a multiple of the block. */
size_t quant_row_bytes(enum quant type, uint64_t width);

/* Bits of a field, 0 where the type lacks it. */
uint32_t quant_field_width(enum quant type, enum quant_field field);

/* Neighbouring elements that share one field: 1, 16, 32 or 256. */
uint32_t quant_field_span(enum quant type, enum quant_field field);

/* The field of element k (index in the row) in `row` (GGUF bytes). Write takes the low bits. */
uint32_t quant_field_read(enum quant type, const uint8_t *row, uint64_t k, enum quant_field field);
void quant_field_write(enum quant type, uint8_t *row, uint64_t k, enum quant_field field,
                       uint32_t bits);

/* Where a bit of a field lies in the row: for byte-ordered bursts. */
struct quant_place {
    uint64_t byte;
    uint32_t bit;
};
struct quant_place quant_field_place(enum quant type, uint64_t k, enum quant_field field,
                                     uint32_t bit);

/* 32 elements as in NUMERICS.md 3, or two halves of 16: t is formed as quant_form says. F types:
 * values in code, the rest unused. */
struct quant_block {
    float code[32]; /* signed, offset applied; exact small integers (or the values of F types) */
    float scale[2]; /* d or D = d * sc; [1] is that of k 16..31 in types with halves */
    float min[2];   /* m, or M = -(dmin * mn); likewise */
    uint32_t count; /* elements present: 32, fewer in a short last block of F types */
};

/* How a block's t is formed; the same for all blocks of a type. */
enum quant_form {
    QUANT_FORM_PLAIN,    /* t = s                                   F32 F16 BF16              */
    QUANT_FORM_SCALE,    /* t = d * s                Q4_0 Q5_0 Q8_0 IQ4_NL IQ4_XS MXFP4       */
    QUANT_FORM_MIN,      /* t = d * s + m * sum_x                   Q4_1 Q5_1 Q4_K Q5_K       */
    QUANT_FORM_HALF,     /* t = d0 * h0 + d1 * h1                   Q3_K Q6_K                 */
    QUANT_FORM_HALF_MIN, /* t = (d0 * h0 + m0 * sum_x0) + (d1 * h1 + m1 * sum_x1)        Q2_K */
};

/* Here, so that loops of a constant type fold it. */
static inline enum quant_form quant_form(enum quant type)
{
    switch (type) {
    case QUANT_F32:
    case QUANT_F16:
    case QUANT_BF16:
        return QUANT_FORM_PLAIN;
    case QUANT_Q4_1:
    case QUANT_Q5_1:
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        return QUANT_FORM_MIN;
    case QUANT_Q3_K:
    case QUANT_Q6_K:
        return QUANT_FORM_HALF;
    case QUANT_Q2_K:
        return QUANT_FORM_HALF_MIN;
    default:
        return QUANT_FORM_SCALE;
    }
}

/* Terms of a block: one, or one each half. */
static inline uint32_t quant_halves(enum quant_form form)
{
    return form == QUANT_FORM_HALF || form == QUANT_FORM_HALF_MIN ? 2 : 1;
}

static inline bool quant_has_min(enum quant_form form)
{
    return form == QUANT_FORM_MIN || form == QUANT_FORM_HALF_MIN;
}

/* Block `b` (elements 32 b ..) of a row of `width` elements. */
void quant_decode(enum quant type, const uint8_t *row, uint64_t width, uint64_t b,
                  struct quant_block *out);

/* A whole row as numbers: d * q, then + m (NUMERICS.md 3, embedding lookup). out: (width). */
void quant_dequantize(enum quant type, const uint8_t *row, uint64_t width, float *out);

#endif

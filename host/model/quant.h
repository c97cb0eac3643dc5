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
    X(Q4_K, 12, 256, 144)                                                                          \
    X(Q5_K, 13, 256, 176)                                                                          \
    X(Q6_K, 14, 256, 210)                                                                          \
    X(BF16, 30, 1, 2)

enum quant {
#define QUANT_ENUM(name, id, elements, bytes) QUANT_##name,
    QUANT_TYPES(QUANT_ENUM)
#undef QUANT_ENUM
        QUANT_COUNT
};

/* Fields of a stored block. A field value is its stored bits, unsigned, right-aligned: the code
 * before its offset, the 16 bits of an f16 scale, the 6 bits of a sub-scale (Q6_K: 8 bits). */
#define QUANT_FIELDS(X)                                                                            \
    X(CODE, "code")         /* one element; the whole value for F32, F16, BF16 */                  \
    X(SCALE, "scale")       /* d, f16 */                                                           \
    X(MIN, "min")           /* m of Q4_1, Q5_1; dmin of Q4_K, Q5_K; f16 */                         \
    X(SUBSCALE, "subscale") /* sc of the sub-block that holds the element (K types) */             \
    X(SUBMIN, "submin")     /* mn of the sub-block (Q4_K, Q5_K) */

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

/* "IQ4_XS": the name of any type that the format ever had; null: no such type. */
const char *quant_id_name(uint32_t gguf_id);

/* Bytes of a row of `width` elements; width is a multiple of the block. */
size_t quant_row_bytes(enum quant type, uint64_t width);

/* Bits of a field, 0 where the type lacks it. */
uint32_t quant_field_width(enum quant type, enum quant_field field);

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

/* 32 elements as in NUMERICS.md 3: t = scale[0] * s + min * sum_x, or for Q6_K t = scale[0] * h0 +
 * scale[1] * h1. F types: values in code, scale unused. */
struct quant_block {
    float code[32]; /* signed, offset applied; exact small integers (or the values of F types) */
    float scale[2]; /* d or D = d * sc; [1] is used by Q6_K (k 16..31) */
    float min;      /* m, or M = -(dmin * mn) */
    uint32_t count; /* elements present: 32, fewer in a short last block of F types */
};

/* How a block's t is formed; the same for all blocks of a type. */
enum quant_form {
    QUANT_FORM_PLAIN, /* t = s                      F32 F16 BF16        */
    QUANT_FORM_SCALE, /* t = d * s                  Q4_0 Q5_0 Q8_0      */
    QUANT_FORM_MIN,   /* t = d * s + m * sum_x      Q4_1 Q5_1 Q4_K Q5_K */
    QUANT_FORM_HALF,  /* t = d0 * h0 + d1 * h1      Q6_K                */
};
enum quant_form quant_form(enum quant type);

/* Block `b` (elements 32 b ..) of a row of `width` elements. */
void quant_decode(enum quant type, const uint8_t *row, uint64_t width, uint64_t b,
                  struct quant_block *out);

/* A whole row as numbers: d * q, then + m (NUMERICS.md 3, embedding lookup). out: (width). */
void quant_dequantize(enum quant type, const uint8_t *row, uint64_t width, float *out);

#endif

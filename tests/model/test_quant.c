/* SPDX-License-Identifier: MIT */
/* Tensor types: places of all fields, decoding against the fields, values worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "model/quant.h"
#include "shared/numerics.h"

#define WIDTH 512u
#define ROW_MAX (WIDTH * 4)

/* The number that a stored code means. */
static int32_t code_number(enum quant type, uint32_t code)
{
    static const int8_t iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                   1,    13,   25,  38,  53,  69,  89,  113};
    static const int8_t fp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    switch (type) {
    case QUANT_Q3_K:
        return (int32_t)code - 4;
    case QUANT_Q4_0:
        return (int32_t)code - 8;
    case QUANT_Q5_0:
        return (int32_t)code - 16;
    case QUANT_Q6_K:
        return (int32_t)code - 32;
    case QUANT_Q8_0:
        return (int8_t)code;
    case QUANT_IQ4_NL:
    case QUANT_IQ4_XS:
        return iq4[code];
    case QUANT_MXFP4:
        return fp4[code];
    default:
        return (int32_t)code;
    }
}

/* Half of 2^(e - 127), zero where that is denormal. */
static float exponent_number(uint32_t e)
{
    return e < 2 ? 0.0f : ldexpf(0.5f, (int)e - 127);
}

static void fill(struct rng *rng, uint8_t *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row[i] = (uint8_t)rng_u32(rng);
}

static void test_names_and_sizes(void **state)
{
    enum quant type;

    (void)state;
    assert_string_equal(quant_name(QUANT_Q4_1), "Q4_1");
    assert_string_equal(quant_field_name(QUANT_FIELD_SUBMIN), "submin");
    assert_true(quant_from_id(14, &type));
    assert_int_equal(type, QUANT_Q6_K);
    assert_false(quant_from_id(16, &type));
    assert_false(quant_from_id(UINT32_MAX, &type));
    assert_int_equal(quant_row_bytes(QUANT_Q5_K, 512), 352);
    assert_int_equal(quant_row_bytes(QUANT_BF16, 3), 6);
    assert_int_equal(quant_block_elements(QUANT_Q8_0), 32);
    assert_int_equal(quant_block_bytes(QUANT_Q8_0), 34);
    assert_int_equal(quant_field_width(QUANT_Q6_K, QUANT_FIELD_SUBSCALE), 8);
    assert_int_equal(quant_field_width(QUANT_Q6_K, QUANT_FIELD_MIN), 0);
    assert_int_equal(quant_field_width(QUANT_F32, QUANT_FIELD_CODE), 32);
    assert_int_equal(quant_field_width(QUANT_F32, QUANT_FIELD_SCALE), 0);
    assert_int_equal(quant_field_width(QUANT_MXFP4, QUANT_FIELD_SCALE), 8);
}

/* Every bit of a block belongs to exactly one field: nothing overlaps, nothing is left out. */
static void test_places_cover_the_block(void **state)
{
    (void)state;
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        uint32_t elements = quant_block_elements(type), bits = quant_block_bytes(type) * 8;
        int8_t owner[256 * 8];
        uint32_t covered = 0;
        memset(owner, -1, sizeof(owner));
        for (uint32_t field = 0; field < QUANT_FIELD_COUNT; field++) {
            for (uint32_t k = 0; k < elements; k++) {
                for (uint32_t i = 0; i < quant_field_width(type, field); i++) {
                    struct quant_place at = quant_field_place(type, k, field, i);
                    assert_true(at.byte < quant_block_bytes(type) && at.bit < 8);
                    int8_t *o = &owner[at.byte * 8 + at.bit];
                    if (*o < 0)
                        covered++;
                    else
                        assert_true(*o == (int8_t)field && field != QUANT_FIELD_CODE);
                    *o = (int8_t)field;
                }
            }
        }
        assert_int_equal(covered, bits);
    }
}

/* Elements share a field's bits exactly if they lie in the same span. */
static void test_spans(void **state)
{
    (void)state;
    for (enum quant type = 0; type < QUANT_COUNT; type++) {
        for (uint32_t field = 0; field < QUANT_FIELD_COUNT; field++) {
            const uint32_t span = quant_field_span(type, field);
            for (uint32_t k = 1; k < WIDTH && quant_field_width(type, field) > 0; k++) {
                const struct quant_place at = quant_field_place(type, k, field, 0);
                const struct quant_place before = quant_field_place(type, k - 1, field, 0);
                const bool same = at.byte == before.byte && at.bit == before.bit;
                assert_int_equal(same, k / span == (k - 1) / span);
            }
        }
    }
}

/* Write changes just the field's bits, in the places told, and reads back. */
static void test_write_then_read(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1, 0);
    for (int round = 0; round < 4000; round++) {
        enum quant type = (enum quant)rng_below(&rng, QUANT_COUNT);
        enum quant_field field = (enum quant_field)rng_below(&rng, QUANT_FIELD_COUNT);
        uint32_t width = quant_field_width(type, field), value = rng_u32(&rng);
        uint64_t k = rng_below(&rng, WIDTH);
        uint8_t before[ROW_MAX], row[ROW_MAX];
        if (width == 0)
            continue;
        fill(&rng, before, sizeof(before));
        memcpy(row, before, sizeof(row));
        quant_field_write(type, row, k, field, value);
        if (width < 32)
            value &= (1u << width) - 1;
        assert_int_equal(quant_field_read(type, row, k, field), value);
        for (uint32_t i = 0; i < width; i++) {
            struct quant_place at = quant_field_place(type, k, field, i);
            assert_int_equal(row[at.byte] >> at.bit & 1, value >> i & 1);
            row[at.byte] =
                (uint8_t)((row[at.byte] & ~(1u << at.bit)) | (before[at.byte] & 1u << at.bit));
        }
        assert_memory_equal(row, before, sizeof(row));
    }
}

/* What quant_decode must give for element k, from the fields alone. */
static void check_element(enum quant type, const uint8_t *row, uint32_t k,
                          const struct quant_block *block)
{
    const uint32_t code = quant_field_read(type, row, k, QUANT_FIELD_CODE);
    const uint32_t scale = quant_field_read(type, row, k, QUANT_FIELD_SCALE);
    const int32_t sub = (int32_t)quant_field_read(type, row, k, QUANT_FIELD_SUBSCALE);
    const uint32_t half = quant_field_span(type, QUANT_FIELD_SUBSCALE) == 16 ? k % 32 / 16 : 0;
    float d = type == QUANT_MXFP4 ? exponent_number(scale) : nm_f16_to_f32(scale);
    float m = nm_f16_to_f32(quant_field_read(type, row, k, QUANT_FIELD_MIN));

    if (quant_form(type) == QUANT_FORM_PLAIN) {
        const float want = type == QUANT_F32   ? LANG_FLOAT(code)
                           : type == QUANT_F16 ? nm_f16_to_f32(code)
                                               : nm_bf16_to_f32(code);
        assert_memory_equal(&want, &block->code[k % 32], sizeof(want));
        return;
    }
    if (type == QUANT_Q6_K)
        d = d * (float)(int8_t)sub;
    else if (type == QUANT_Q3_K || type == QUANT_IQ4_XS)
        d = d * (float)(sub - 32);
    else if (quant_field_width(type, QUANT_FIELD_SUBSCALE) > 0)
        d = d * (float)sub;
    if (quant_field_width(type, QUANT_FIELD_SUBMIN) > 0)
        m = -(m * (float)quant_field_read(type, row, k, QUANT_FIELD_SUBMIN));
    assert_memory_equal(&d, &block->scale[half], sizeof(d));
    if (quant_field_width(type, QUANT_FIELD_MIN) > 0)
        assert_memory_equal(&m, &block->min[half], sizeof(m));
    assert_true(block->code[k % 32] == (float)code_number(type, code));
}

static void test_decode_agrees_with_fields(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 2, 0);
    for (int round = 0; round < 60; round++) {
        for (enum quant type = 0; type < QUANT_COUNT; type++) {
            uint8_t row[ROW_MAX];
            struct quant_block block;
            fill(&rng, row, sizeof(row));
            for (uint32_t k = 0; k < WIDTH; k++) {
                if (k % 32 == 0)
                    quant_decode(type, row, WIDTH, k / 32, &block);
                assert_int_equal(block.count, 32);
                check_element(type, row, k, &block);
            }
        }
    }
}

/* Rows that are no multiple of 32 exist in the F types: the last block is short. */
static void test_short_block(void **state)
{
    static const float row[] = {1, 2, 3};
    uint8_t wide[40 * 2];
    float out[41];
    struct quant_block block;

    (void)state;
    quant_decode(QUANT_F32, (const uint8_t *)row, 3, 0, &block);
    assert_int_equal(block.count, 3);
    assert_true(block.code[2] == 3.0f);
    for (int i = 0; i < 40; i++) {
        wide[2 * i] = (uint8_t)i;
        wide[2 * i + 1] = 0x3f;
    }
    out[40] = 77;
    quant_decode(QUANT_BF16, wide, 40, 1, &block);
    assert_int_equal(block.count, 8);
    quant_dequantize(QUANT_BF16, wide, 40, out);
    assert_true(out[39] == LANG_FLOAT(0x3f270000u));
    assert_true(out[40] == 77.0f);
}

/* One element of each type, its bytes laid by hand from the format's description. */
static void test_by_hand(void **state)
{
    uint8_t b[256] = {0};
    float out[256];

    (void)state;
    b[1] = 0x40; /* d = 2 */
    b[2] = 0xf3; /* elements 0 and 16 */
    quant_dequantize(QUANT_Q4_0, b, 32, out);
    assert_true(out[0] == 2.0f * (3 - 8) && out[16] == 2.0f * (15 - 8) && out[1] == -16.0f);
    b[5] = 0x10; /* high bit of element 28 */
    b[6 + 12] = 0x20;
    quant_dequantize(QUANT_Q5_0, b, 32, out);
    assert_true(out[28] == 2.0f * (18 - 16) && out[12] == -32.0f);

    memset(b, 0, sizeof(b));
    b[1] = 0x3c;       /* d = 1 */
    b[3] = 0x38;       /* dmin = 0.5 */
    b[4] = 0xc1;       /* sub-block 0: scale 1; upper bits of sub-block 4's scale: 3 */
    b[8] = 0x42;       /* sub-block 0: min 2; upper bits of sub-block 4's min: 1 */
    b[12] = 0x53;      /* sub-block 4: scale 3 + 48, min 5 + 16 */
    b[16] = 0x09;      /* element 0 */
    b[16 + 64] = 0x07; /* element 128 */
    quant_dequantize(QUANT_Q4_K, b, 256, out);
    assert_true(out[0] == 9.0f - 1.0f);
    assert_true(out[128] == 51.0f * 7 - 10.5f);

    memset(b, 0, sizeof(b));
    b[209] = 0x3c;           /* d = 1 */
    b[192 + 13] = 0xfe;      /* scale of elements 208 to 223: -2 */
    b[64 + 16] = 0x50;       /* element 208 = 128 + 64 + 16: upper nibble */
    b[128 + 32 + 16] = 0x30; /* its two high bits: 3 */
    quant_dequantize(QUANT_Q6_K, b, 256, out);
    assert_true(out[208] == -2.0f * (5 + 48 - 32));
    assert_true(out[209] == -2.0f * -32);
}

/* The same of types with two bits, and with a table. */
static void test_by_hand_small_codes(void **state)
{
    uint8_t b[256] = {0};
    float out[256];

    (void)state;
    b[81] = 0x3c;           /* d = 1 */
    b[83] = 0x38;           /* dmin = 0.5 */
    b[9] = 0x35;            /* elements 144 to 159: scale 5, min 3 */
    b[16 + 32 + 16] = 0x0c; /* element 176 = 128 + 32 + 16: code 3; 144: code 0 */
    b[11] = 0x02;           /* elements 176 to 191: scale 2 */
    quant_dequantize(QUANT_Q2_K, b, 256, out);
    assert_true(out[144] == -1.5f && out[176] == 6.0f && out[0] == 0.0f);

    memset(b, 0, sizeof(b));
    b[109] = 0x3c;          /* d = 1 */
    b[96 + 3] = 0x70;       /* elements 176 to 191, the eleventh 16: lower bits of the scale 7 */
    b[96 + 8 + 3] = 0x30;   /* their upper ones 3: 55 - 32 */
    b[32 + 32 + 16] = 0x08; /* element 176: code 2 */
    b[16] = 0x20;           /* and its high bit */
    quant_dequantize(QUANT_Q3_K, b, 256, out);
    assert_true(out[176] == 23.0f * (6 - 4) && out[177] == 23.0f * -4);

    memset(b, 0, sizeof(b));
    b[1] = 0x40;     /* d = 2 */
    b[2 + 5] = 0x3f; /* elements 5 and 21 */
    quant_dequantize(QUANT_IQ4_NL, b, 32, out);
    assert_true(out[5] == 226.0f && out[21] == -130.0f && out[0] == -254.0f);

    memset(b, 0, sizeof(b));
    b[1] = 0x3c;          /* d = 1 */
    b[3] = 0x08;          /* block 5: upper bits of the scale 2 */
    b[4 + 2] = 0xd0;      /* lower ones 13: 45 - 32 */
    b[8 + 80 + 3] = 0x90; /* element 179 = 160 + 16 + 3 */
    quant_dequantize(QUANT_IQ4_XS, b, 256, out);
    assert_true(out[179] == 13.0f * 13 && out[163] == 13.0f * -127);

    memset(b, 0, sizeof(b));
    b[0] = 129;      /* 2^2 */
    b[1 + 2] = 0xf7; /* elements 2 and 18 */
    quant_dequantize(QUANT_MXFP4, b, 32, out);
    assert_true(out[2] == 24.0f && out[18] == -24.0f);
    b[0] = 1; /* a scale that is denormal */
    quant_dequantize(QUANT_MXFP4, b, 32, out);
    assert_true(out[2] == 0.0f && out[18] == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_sizes),
        cmocka_unit_test(test_places_cover_the_block),
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_decode_agrees_with_fields),
        cmocka_unit_test(test_short_block),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_by_hand_small_codes),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

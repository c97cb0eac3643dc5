/* SPDX-License-Identifier: MIT */
/* JSON writing: form, escapes, and numbers that read back as the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/text.h"

static char *buffer;
static size_t buffer_size;

static FILE *open_buffer(void)
{
    return open_memstream(&buffer, &buffer_size);
}

static void expect_text(FILE *file, const char *expected)
{
    fclose(file);
    assert_string_equal(buffer, expected);
    free(buffer);
}

static void write_sample(struct json_writer *w)
{
    json_object_open(w);
    json_put_key(w, "a");
    json_put_int(w, -5);
    json_put_key(w, "list");
    json_array_open(w);
    json_put_bool(w, true);
    json_put_null(w);
    json_array_open(w);
    json_array_close(w);
    json_put_hex(w, 0xabc, 16);
    json_array_close(w);
    json_put_key(w, "objects");
    json_array_open(w);
    for (int i = 0; i < 2; i++) {
        json_object_open(w);
        json_put_key(w, "i");
        json_put_int(w, i);
        json_object_close(w);
    }
    json_array_close(w);
    json_put_key(w, "empty");
    json_object_open(w);
    json_object_close(w);
    json_object_close(w);
}

static void compact_and_pretty_forms(void **state)
{
    (void)state;
    struct json_writer w;
    FILE *file = open_buffer();

    json_begin(&w, file, false);
    write_sample(&w);
    assert_int_equal(json_end(&w), STATUS_OK);
    expect_text(file, "{\"a\":-5,\"list\":[true,null,[],\"0000000000000abc\"],"
                      "\"objects\":[{\"i\":0},{\"i\":1}],\"empty\":{}}\n");
    file = open_buffer();
    json_begin(&w, file, true);
    write_sample(&w);
    assert_int_equal(json_end(&w), STATUS_OK);
    expect_text(file, "{\n  \"a\": -5,\n  \"list\": [true, null, [], \"0000000000000abc\"],\n"
                      "  \"objects\": [{\n    \"i\": 0\n  }, {\n    \"i\": 1\n  }],\n"
                      "  \"empty\": {}\n}\n");
}

static void what_is_not_known_is_null(void **state)
{
    (void)state;
    struct json_writer w;
    FILE *file = open_buffer();

    json_begin(&w, file, false);
    json_object_open(&w);
    json_member_text(&w, "text", "a");
    json_member_text(&w, "none", NULL);
    json_member_int(&w, "int", -7);
    json_member_number(&w, "number", 0.5);
    json_member_number(&w, "nan", NAN);
    json_member_bool(&w, "bool", true);
    json_object_close(&w);
    assert_int_equal(json_end(&w), STATUS_OK);
    expect_text(file, "{\"text\":\"a\",\"none\":null,\"int\":-7,\"number\":0.5,\"nan\":null,"
                      "\"bool\":true}\n");
}

static void members_of_every_kind(void **state)
{
    (void)state;
    struct json_doc *doc = NULL;
    struct json_memory m;
    struct arena arena = {0};
    const char *line = NULL;

    assert_int_equal(json_parse(&doc, "[1, {\"a\": null}]", 16, "doc"), STATUS_OK);
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_known(&m.w, "known", true, -1);
    json_member_known(&m.w, "unknown", false, -1);
    json_member_hex(&m.w, "hex", 0x1f, 4);
    json_member_null(&m.w, "null");
    json_member_value(&m.w, "value", json_root(doc));
    json_member_array(&m.w, "array");
    json_put_int(&m.w, 1);
    json_array_close(&m.w);
    json_member_object(&m.w, "object");
    json_object_close(&m.w);
    json_object_close(&m.w);
    assert_int_equal(json_end_line(&line, &m, &arena), STATUS_OK);
    assert_string_equal(line, "{\"known\":-1,\"unknown\":null,\"hex\":\"001f\",\"null\":null,"
                              "\"value\":[1,{\"a\":null}],\"array\":[1],\"object\":{}}");
    json_destroy(&doc);
    arena_finish(&arena);
}

/* A failure of writing is reported at the end, and what follows it is still JSON. */
static void the_first_failure_stays(void **state)
{
    (void)state;
    struct json_memory m;
    struct json_writer w;
    struct arena arena = {0};
    const char *line = "";
    FILE *file = open_buffer();

    json_begin(&w, file, false);
    json_object_open(&w);
    json_take(&w, STATUS_OK);
    json_member_int(&w, "a", 1);
    json_take(&w, STATUS_INPUT);
    json_take(&w, STATUS_IO);
    json_member_int(&w, "b", 2);
    json_object_close(&w);
    assert_int_equal(json_end(&w), STATUS_INPUT);
    expect_text(file, "{\"a\":1,\"b\":2}\n");
    json_begin_memory(&m, true);
    write_sample(&m.w);
    json_take(&m.w, STATUS_DEVICE);
    assert_int_equal(json_end_line(&line, &m, &arena), STATUS_DEVICE);
    assert_null(line);
    /* as if out of memory for the stream */
    json_begin(&w, NULL, true);
    json_take(&w, STATUS_MEMORY);
    write_sample(&w);
    assert_int_equal(json_end(&w), STATUS_MEMORY);
    arena_finish(&arena);
}

static void texts_are_escaped_and_made_valid(void **state)
{
    (void)state;
    struct json_writer w;
    FILE *file = open_buffer();

    json_begin(&w, file, false);
    json_array_open(&w);
    json_put_text(&w, "q\" b\\ s/ \n\r\t\x01\x7f \xc3\xa9 \xf0\x9f\x98\x80");
    json_put_text(&w, "\xff \xc3 \xed\xa0\x80|");
    json_put_text_n(&w, "a\0b", 3);
    json_put_text(&w, TEXT_NUL "a" TEXT_NUL TEXT_NUL "\x1b\xc0");
    json_array_close(&w);
    assert_int_equal(json_end(&w), STATUS_OK);
    expect_text(file, "[\"q\\\" b\\\\ s/ \\n\\r\\t\\u0001\\u007f \xc3\xa9 \xf0\x9f\x98\x80\","
                      "\"\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\","
                      "\"a\\u0000b\",\"\\u0000a\\u0000\\u0000\\u001b\xef\xbf\xbd\"]\n");
}

static void numbers_are_short(void **state)
{
    (void)state;
    struct json_writer w;
    FILE *file = open_buffer();

    json_begin(&w, file, false);
    json_array_open(&w);
    json_put_number(&w, 0.1);
    json_put_float(&w, 0.1f);
    json_put_number(&w, (double)0.1f);
    json_put_float(&w, 16777216.0f);
    json_put_number(&w, 1e300);
    json_put_float(&w, -0.0f);
    json_put_float(&w, 1e-45f);
    json_put_number(&w, 5e-324);
    json_put_number(&w, NAN);
    json_put_float(&w, INFINITY);
    json_put_number(&w, -INFINITY);
    json_array_close(&w);
    assert_int_equal(json_end(&w), STATUS_OK);
    expect_text(file, "[0.1,0.1,0.10000000149011612,16777216,1e+300,-0.0,1e-45,5e-324,"
                      "\"NaN\",\"Infinity\",\"-Infinity\"]\n");
}

/* The text of one value without the newline; the caller frees it. */
static char *one_number(double number, bool narrow, uint32_t float_bits)
{
    struct json_writer w;
    FILE *file = open_buffer();
    float value;

    memcpy(&value, &float_bits, sizeof(value));
    json_begin(&w, file, false);
    if (narrow)
        json_put_float(&w, value);
    else
        json_put_number(&w, number);
    assert_int_equal(json_end(&w), STATUS_OK);
    fclose(file);
    return buffer;
}

static void check_round_trips(uint64_t seed)
{
    struct rng rng;

    rng_init(&rng, seed, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_u64(&rng), back_bits;
        uint32_t narrow = rng_u32(&rng), back_narrow;
        if (i % 4 == 0)
            narrow &= 0x807fffff; /* denormals */
        if ((narrow & 0x7f800000) != 0x7f800000) {
            char *text = one_number(0, true, narrow);
            const float value = strtof(text, NULL);
            memcpy(&back_narrow, &value, sizeof(value));
            assert_int_equal(back_narrow, narrow);
            assert_in_range(strlen(text), 2, 16);
            free(text);
        }
        if ((bits >> 52 & 0x7ff) != 0x7ff) {
            double number, back;
            memcpy(&number, &bits, sizeof(bits));
            char *text = one_number(number, false, 0);
            back = strtod(text, NULL);
            memcpy(&back_bits, &back, sizeof(back));
            assert_int_equal(back_bits, bits);
            free(text);
        }
    }
}

static void numbers_read_back_as_the_same_bits(void **state)
{
    (void)state;
    check_round_trips(1);
    fpenv_set(); /* and while denormals are flushed */
    check_round_trips(2);
}

static void a_full_disk_is_reported(void **state)
{
    (void)state;
    FILE *file = fopen("/dev/full", "w");
    struct json_writer w;

    assert_non_null(file);
    json_begin(&w, file, false);
    json_put_int(&w, 1);
    assert_int_equal(json_end(&w), STATUS_IO);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_and_pretty_forms),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(members_of_every_kind),
        cmocka_unit_test(the_first_failure_stays),
        cmocka_unit_test(texts_are_escaped_and_made_valid),
        cmocka_unit_test(numbers_are_short),
        cmocka_unit_test(numbers_read_back_as_the_same_bits),
        cmocka_unit_test(a_full_disk_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

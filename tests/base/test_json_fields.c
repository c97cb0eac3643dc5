/* SPDX-License-Identifier: MIT */
/* Members of objects: accepted values, kept defaults, and the line for each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"

static struct json_doc *doc;

static const struct json *object(const char *text)
{
    json_destroy(&doc);
    assert_int_equal(json_parse(&doc, text, strlen(text), "x.json"), STATUS_OK);
    return json_root(doc);
}

static void expect(enum status st, const char *piece)
{
    assert_int_equal(st, STATUS_INPUT);
    if (!strstr(log_last_error(), piece))
        fail_msg("found: %s\n expected: %s", log_last_error(), piece);
}

static void test_objects(void **state)
{
    static const char *const names[] = {"sites", "point"};
    const struct json_words known = {names, 2};
    (void)state;
    const struct json *root = object("{\"point\":1}");
    assert_int_equal(json_fields_object(doc, root, "a thing", known), STATUS_OK);
    root = object("{\n\"piont\":1}");
    expect(json_fields_object(doc, root, "a thing", known),
           "/piont (line 2): unknown field; did you mean 'point'?");
    root = object("{\"zzzzzz\":1}");
    expect(json_fields_object(doc, root, "a thing", known), "unknown field");
    assert_null(strstr(log_last_error(), "did you mean"));
    root = object("[1]");
    expect(json_fields_object(doc, root, "a thing", known), "found a list, expected a thing");
}

static void test_numbers(void **state)
{
    int64_t whole = 7;
    uint32_t small = 8, bits = 9;
    double real = 0.5;
    (void)state;
    const struct json *root = object("{\"a\":3,\"b\":\"0xFf\",\"c\":1.5,\"d\":\"x\",\"e\":1}");
    assert_int_equal(json_fields_integer(doc, root, "none", (struct json_span){0, 5}, &whole),
                     STATUS_OK);
    assert_int_equal(whole, 7);
    assert_int_equal(json_fields_integer(doc, root, "a", (struct json_span){0, 5}, &whole),
                     STATUS_OK);
    assert_int_equal(whole, 3);
    expect(json_fields_integer(doc, root, "a", (struct json_span){4, 5}, &whole),
           "x.json: /a (line 1): found 3, expected an integer from 4 to 5");
    expect(json_fields_u32(doc, root, "c", (struct json_span){0, 5}, &small),
           "found 1.5, expected an integer");
    assert_int_equal(small, 8);
    assert_int_equal(json_fields_bits(doc, root, "b", 255, &bits), STATUS_OK);
    assert_int_equal(bits, 255);
    expect(json_fields_bits(doc, root, "b", 254, &bits),
           "found '0xFf', expected an integer from 0 to 254");
    expect(json_fields_bits(doc, root, "d", 254, &bits), "found 'x', expected an integer");
    root = object("{\"b\":\"0x\",\"c\":\"0x1g\"}");
    expect(json_fields_bits(doc, root, "b", 254, &bits), "\"0x...\"");
    expect(json_fields_bits(doc, root, "c", 254, &bits), "\"0x...\"");
    root = object("{\"e\":1,\"f\":\"1\"}");
    const struct json_range open = {.min = 0, .max = 1, .open_max = true};
    const struct json_range closed = {.min = 0, .max = 1};
    expect(json_fields_number(doc, root, "e", open, &real),
           "found 1, expected a number from 0 and below 1");
    assert_int_equal(json_fields_number(doc, root, "e", closed, &real), STATUS_OK);
    assert_true(real == 1);
    expect(json_fields_number(doc, root, "f", closed, &real),
           "found '1', expected a number from 0 and up to 1");
}

static void test_words(void **state)
{
    static const char *const names[] = {"", "first", "second", "third"};
    const struct json_words words = {names, 4};
    const char *text = "kept";
    uint32_t found = 9;
    bool flag = true;
    (void)state;
    const struct json *root =
        object("{\"a\":\"second\",\"b\":\"secund\",\"c\":3,\"d\":false,\"e\":\"\"}");
    assert_int_equal(json_fields_word(doc, root, "a", words, &found), STATUS_OK);
    assert_int_equal(found, 2);
    expect(json_fields_word(doc, root, "b", words, &found),
           "found 'secund', expected first, second or third; did you mean 'second'?");
    expect(json_fields_word(doc, root, "c", words, &found), "found a number");
    expect(json_fields_word(doc, root, "e", words, &found), "expected first, second or third");
    assert_int_equal(json_fields_bool(doc, root, "d", &flag), STATUS_OK);
    assert_false(flag);
    expect(json_fields_bool(doc, root, "a", &flag), "true or false");
    assert_int_equal(json_fields_text(doc, root, "none", &text), STATUS_OK);
    assert_string_equal(text, "kept");
    expect(json_fields_text(doc, root, "c", &text), "expected a text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_destroy(&doc);
    return failed;
}

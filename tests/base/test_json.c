/* SPDX-License-Identifier: MIT */
/* JSON reading: values, places and every refusal with its line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc;
    assert_int_equal(json_parse(&doc, text, strlen(text), "t.json"), STATUS_OK);
    return doc;
}

static void values_are_read(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"a\": [1, -2.5e3, \"x\\n\\u00e9\\ud83d\\ude00\", true, false,"
                                 " null, {}, []],\n \"b\": \"\"}");
    const struct json *root = json_root(doc), *a = json_get(root, "a");

    assert_int_equal(json_type(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 2);
    assert_int_equal(json_type(a), JSON_ARRAY);
    assert_int_equal(json_count(a), 8);
    assert_true(json_number(json_at(a, 0)) == 1);
    assert_true(json_number(json_at(a, 1)) == -2500);
    assert_string_equal(json_text(json_at(a, 2)), "x\n\xc3\xa9\xf0\x9f\x98\x80");
    assert_true(json_bool(json_at(a, 3)));
    assert_false(json_bool(json_at(a, 4)));
    assert_int_equal(json_type(json_at(a, 5)), JSON_NULL);
    assert_int_equal(json_type(json_at(a, 6)), JSON_OBJECT);
    assert_int_equal(json_count(json_at(a, 7)), 0);
    assert_null(json_at(a, 8));
    assert_string_equal(json_text(json_get(root, "b")), "");
    assert_string_equal(json_key(json_at(root, 1)), "b");
    assert_null(json_key(root));
    assert_null(json_key(json_at(a, 0)));
    assert_null(json_get(root, "c"));
    json_destroy(&doc);
    assert_null(doc);
    json_destroy(&doc);
}

/* A byte-order mark marks the file; places count from after it. */
static void a_mark_at_the_begin_is_left_out(void **state)
{
    (void)state;
    struct json_doc *doc = parse("\xef\xbb\xbf{\"a\": \"\xef\xbb\xbfx\"}");
    assert_string_equal(json_text(json_get(json_root(doc), "a")), "\xef\xbb\xbfx");
    json_destroy(&doc);
}

static void absent_values_are_harmless(void **state)
{
    (void)state;
    struct json_doc *doc = parse("[\"Infinity\", \"-Infinity\", \"NaN\", 1]");
    const struct json *root = json_root(doc);
    int64_t integer;

    assert_int_equal(json_type(NULL), JSON_NULL);
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_get(NULL, "x"));
    assert_null(json_get(root, "x"));
    assert_null(json_at(NULL, 0));
    assert_null(json_text(json_at(root, 3)));
    assert_true(isnan(json_number(NULL)));
    assert_true(isnan(json_number(json_at(root, 2))));
    assert_true(json_number(json_at(root, 0)) > 1e308);
    assert_true(json_number(json_at(root, 1)) < -1e308);
    assert_false(json_integer(NULL, 0, 1, &integer));
    json_destroy(&doc);
}

static void integers_are_exact(void **state)
{
    (void)state;
    struct json_doc *doc = parse("[9223372036854775807, -9223372036854775808, 9223372036854775808,"
                                 " 1.5, 5.0, 1e3, 9007199254740993, -0]");
    const struct json *root = json_root(doc);
    int64_t v = 0;

    assert_true(json_integer(json_at(root, 0), INT64_MIN, INT64_MAX, &v) && v == INT64_MAX);
    assert_true(json_integer(json_at(root, 1), INT64_MIN, INT64_MAX, &v) && v == INT64_MIN);
    assert_false(json_integer(json_at(root, 2), INT64_MIN, INT64_MAX, &v));
    assert_false(json_integer(json_at(root, 3), INT64_MIN, INT64_MAX, &v));
    assert_true(json_integer(json_at(root, 4), 0, 10, &v) && v == 5);
    assert_true(json_integer(json_at(root, 5), 0, 1000, &v) && v == 1000);
    assert_false(json_integer(json_at(root, 5), 0, 999, &v));
    assert_false(json_integer(json_at(root, 5), 1001, 2000, &v));
    assert_true(json_integer(json_at(root, 6), 0, INT64_MAX, &v) && v == 9007199254740993);
    assert_true(json_integer(json_at(root, 7), 0, 0, &v) && v == 0);
    json_destroy(&doc);
}

static void a_number_needs_no_null_behind_it(void **state)
{
    (void)state;
    static const char *const texts[] = {"12", "\"ab\"", "[1]", "true"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const size_t n = strlen(texts[i]);
        char *exact = malloc(n);
        struct json_doc *doc;
        memcpy(exact, texts[i], n);
        assert_int_equal(json_parse(&doc, exact, n, "t"), STATUS_OK);
        json_destroy(&doc);
        free(exact);
    }
}

static void places_are_json_pointers_with_lines(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\n  \"what\": {\"bit\": 3,\n    \"a/b~c\": [0,\n [7, 8]]}}\n");
    const struct json *what = json_get(json_root(doc), "what");
    const struct json *list = json_get(what, "a/b~c");

    assert_string_equal(json_where(doc, json_root(doc)), "t.json (line 1)");
    assert_string_equal(json_where(doc, json_get(what, "bit")), "t.json: /what/bit (line 2)");
    assert_string_equal(json_where(doc, list), "t.json: /what/a~1b~0c (line 3)");
    const char *first = json_where(doc, json_at(json_at(list, 1), 1));
    const char *second = json_where(doc, json_at(list, 0));
    assert_string_equal(first, "t.json: /what/a~1b~0c/1/1 (line 4)");
    assert_string_equal(second, "t.json: /what/a~1b~0c/0 (line 3)");
    json_destroy(&doc);

    char deep[3000];
    snprintf(deep, sizeof(deep), "{\"%0999d\": [{\"%0999d\": 1}]}", 1, 2);
    doc = parse(deep);
    const struct json *inner = json_at(json_at(json_at(json_root(doc), 0), 0), 0);
    const char *where = json_where(doc, inner);
    assert_in_range(strlen(where), 400, 511);
    assert_string_equal(where + strlen(where) - 9, " (line 1)");
    json_destroy(&doc);

    /* A long path is cut at its start, so that the file's name is kept. */
    char path[3000];
    snprintf(path, sizeof(path), "/%02000d/own.json", 7);
    assert_int_equal(json_parse(&doc, deep, strlen(deep), path), STATUS_OK);
    where = json_where(doc, json_root(doc));
    assert_int_equal(strncmp(where, "...000", 6), 0);
    assert_string_equal(where + strlen(where) - 19, "7/own.json (line 1)");
    where = json_where(doc, json_at(json_at(json_at(json_root(doc), 0), 0), 0));
    assert_in_range(strlen(where), 400, 511);
    assert_non_null(strstr(where, "7/own.json: /0000"));
    json_destroy(&doc);
}

static void wrong_texts_are_refused_by_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"", "t.json:1:1: found the end of the text, expected a value"},
        {"  \n ", "t.json:2:2: found the end of the text, expected a value"},
        {"{\"a\":1,}", "t.json:1:8: found '}', expected a key"},
        {"{a:1}", "t.json:1:2: found 'a', expected a key or '}'"},
        {"{\"a\" 1}", "t.json:1:6: found '1', expected ':' after the key"},
        {"{\"a\":1 \"b\":2}", "t.json:1:8: found '\"', expected ',' or '}'"},
        {"[1 2]", "t.json:1:4: found '2', expected ',' or ']'"},
        {"[1,]", "t.json:1:4: found ']', expected a value"},
        {"[1", "t.json:1:3: found the end of the text, expected ',' or ']'"},
        {"[1]x", "t.json:1:4: found 'x', expected nothing after the document"},
        {"1 2", "t.json:1:3: found '2', expected nothing after the document"},
        {"tru", "t.json:1:1: found 't', expected a value"},
        {"nul", "t.json:1:1: found 'n', expected a value"},
        {"+1", "t.json:1:1: found '+', expected a value"},
        {"01", "t.json:1:2: found '1', expected no digit after a leading zero"},
        {"1.", "t.json:1:3: found the end of the text, expected a digit"},
        {"-", "t.json:1:2: found the end of the text, expected a digit"},
        {"1e", "t.json:1:3: found the end of the text, expected a digit"},
        {".5", "t.json:1:1: found '.', expected a value"},
        {"[1e999]", "t.json:1:2: found a number out of range, expected one that a double can hold"},
        {"NaN", "t.json:1:1: found 'N', expected a value"},
        {"\"abc", "t.json:1:5: found the end of the text, expected a closing quote"},
        {"\"a\nb\"", "t.json:1:3: found byte 0x0a, expected control characters escaped"},
        {"\"\\x\"", "t.json:1:3: found 'x', expected one of \" \\ / b f n r t u after a backslash"},
        {"\"\\u12g4\"", "t.json:1:3: found 'u', expected \\u with four hex digits, not all zero"},
        {"\"\\u0000\"", "t.json:1:3: found 'u', expected \\u with four hex digits, not all zero"},
        {"\"\\udc00\"", "t.json:1:3: found 'u', expected a high surrogate before a low one"},
        {"\"\\ud800x\"", "t.json:1:8: found 'x', expected a low surrogate after a high one"},
        {"\"\\ud800\\u0041\"", "t.json:1:8: found '\\', expected a low surrogate after a high one"},
        {"\"\xff\"", "t.json:1:2: found byte 0xff, expected valid UTF-8"},
        {"\"\xc0\x80\"", "t.json:1:2: found byte 0xc0, expected valid UTF-8"},
        {"\"\xed\xa0\x80\"", "t.json:1:2: found byte 0xed, expected valid UTF-8"},
        {"\"\xe2\x82\"", "t.json:1:2: found byte 0xe2, expected valid UTF-8"},
        {"\xef\xbb\xbf\xef\xbb\xbf{}", "t.json:1:1: found byte 0xef, expected a value"},
        {"{\xef\xbb\xbf}", "t.json:1:2: found byte 0xef, expected a key or '}'"},
        {"\xef\xbb\xbf", "t.json:1:1: found the end of the text, expected a value"},
        {"\xef\xbb\xbf\n [1,]", "t.json:2:5: found ']', expected a value"},
        {"[\v1]", "t.json:1:2: found byte 0x0b, expected a value"},
        {"// no\n1", "t.json:1:1: found '/', expected a value"},
        {"{\"a\":1,\n\"b\":{\"x\":1,\n  \"y\":2, \"x\":3}}",
         "t.json:3:14: found key \"x\" again (first on line 2), expected each key once"},
        {"[1111111111111111111111111111111111111111111111111111111111111111]",
         "t.json:1:66: found ']', expected a number of at most 63 bytes"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct json_doc *doc = NULL;
        assert_int_equal(json_parse(&doc, wrong[i].text, strlen(wrong[i].text), "t.json"),
                         STATUS_INPUT);
        assert_null(doc);
        assert_string_equal(log_last_error(), wrong[i].message);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    char text[200] = "";
    struct json_doc *doc;

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_int_equal(json_parse(&doc, text, 128, "t"), STATUS_OK);
    json_destroy(&doc);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_int_equal(json_parse(&doc, text, 130, "t"), STATUS_INPUT);
    assert_string_equal(log_last_error(),
                        "t:1:65: found '[', expected at most 64 levels of nesting");

    const size_t limit = (size_t)64 << 20;
    char *large = malloc(limit + 1);
    memset(large, ' ', limit + 1);
    large[0] = '1';
    assert_int_equal(json_parse(&doc, large, limit + 1, "t"), STATUS_INPUT);
    assert_int_equal(json_parse(&doc, large, limit, "t"), STATUS_OK);
    json_destroy(&doc);
    free(large);
    assert_int_equal(json_load(&doc, "/nonexistent.json"), STATUS_IO);
    assert_null(doc);
}

/* Every prefix and every one-byte change of a document: no crash, and values only where the whole
 * text is right. */
static void damaged_texts_never_crash(void **state)
{
    (void)state;
    static const char good[] = "{\"k\\u00e9\":[1,-2.5e-3,\"\xc3\xa9\",{\"\":null}],\"t\":true}";
    const size_t n = sizeof(good) - 1;
    size_t accepted = 0;

    log_set_level(LOG_ERROR);
    for (size_t cut = 0; cut < n; cut++) {
        struct json_doc *doc;
        assert_int_equal(json_parse(&doc, good, cut, "t"), STATUS_INPUT);
    }
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < 256; c += 3) {
            char *text = malloc(n);
            struct json_doc *doc;
            memcpy(text, good, n);
            text[i] = (char)c;
            const enum status st = json_parse(&doc, text, n, "t");
            assert_true(!st || st == STATUS_INPUT);
            accepted += !st;
            json_destroy(&doc);
            free(text);
        }
    }
    assert_in_range(accepted, 100, 2000);
}

static void large_arrays_and_objects_are_indexed(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    char *text = malloc(COUNT * 24);
    size_t at = (size_t)sprintf(text, "[{");
    struct json_doc *doc;
    int64_t v;

    for (int i = 0; i < COUNT / 10; i++)
        at += (size_t)sprintf(text + at, "%s\"k%d\":%d", i ? "," : "", i, i);
    at += (size_t)sprintf(text + at, "}");
    for (int i = 1; i < COUNT; i++)
        at += (size_t)sprintf(text + at, ",%d", i);
    at += (size_t)sprintf(text + at, "]");
    assert_int_equal(json_parse(&doc, text, at, "t"), STATUS_OK);
    for (int i = 1; i < COUNT; i++)
        assert_true(json_integer(json_at(json_root(doc), (size_t)i), i, i, &v));
    assert_int_equal(json_count(json_at(json_root(doc), 0)), COUNT / 10);
    json_destroy(&doc);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(a_mark_at_the_begin_is_left_out),
        cmocka_unit_test(absent_values_are_harmless),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(a_number_needs_no_null_behind_it),
        cmocka_unit_test(places_are_json_pointers_with_lines),
        cmocka_unit_test(wrong_texts_are_refused_by_line_and_column),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(damaged_texts_never_crash),
        cmocka_unit_test(large_arrays_and_objects_are_indexed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a JSON document; what is accepted is written, read again and equal.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_json_hostile feeds it seeded
 * mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_JSON_SENTINEL "fuzz: nothing logged"
#define FUZZ_JSON_WHOLE (INT64_C(1) << 62)

static void fuzz_json_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_json: %s\n", what);
        abort();
    }
}

static void fuzz_json_put(struct json_writer *w, const struct json *value)
{
    const enum json_type type = json_type(value);
    int64_t whole;

    if (type == JSON_ARRAY || type == JSON_OBJECT) {
        type == JSON_ARRAY ? json_array_open(w) : json_object_open(w);
        for (size_t i = 0; i < json_count(value); i++) {
            if (type == JSON_OBJECT)
                json_put_key(w, json_key(json_at(value, i)));
            fuzz_json_put(w, json_at(value, i));
        }
        type == JSON_ARRAY ? json_array_close(w) : json_object_close(w);
    } else if (type == JSON_TEXT) {
        json_put_text(w, json_text(value));
    } else if (type == JSON_BOOL) {
        json_put_bool(w, json_bool(value));
    } else if (type == JSON_NULL) {
        json_put_null(w);
    } else if (json_integer(value, -FUZZ_JSON_WHOLE, FUZZ_JSON_WHOLE, &whole)) {
        json_put_int(w, whole);
    } else {
        json_put_number(w, json_number(value));
    }
}

/* The same values in the same order; numbers by their bits, except that -0 may become 0 as an
 * integer. */
static void fuzz_json_equal(const struct json *a, const struct json *b)
{
    fuzz_json_require(json_type(a) == json_type(b), "another type after writing");
    fuzz_json_require(json_count(a) == json_count(b), "another count after writing");
    fuzz_json_require(json_number(a) == json_number(b) || json_number(a) != json_number(a),
                      "another number after writing");
    fuzz_json_require(json_bool(a) == json_bool(b), "another truth after writing");
    if (json_type(a) == JSON_TEXT)
        fuzz_json_require(strcmp(json_text(a), json_text(b)) == 0, "another text after writing");
    for (size_t i = 0; i < json_count(a); i++) {
        const struct json *x = json_at(a, i), *y = json_at(b, i);
        if (json_type(a) == JSON_OBJECT) {
            fuzz_json_require(strcmp(json_key(x), json_key(y)) == 0, "another key after writing");
            fuzz_json_require(json_get(a, json_key(x)) == x, "a member not found by its key");
        }
        fuzz_json_equal(x, y);
    }
    fuzz_json_require(json_at(a, json_count(a)) == NULL, "a value after the last");
}

/* Every value has a place: pointer and line, printable. */
static void fuzz_json_places(const struct json_doc *doc, const struct json *value)
{
    const char *where = json_where(doc, value);

    fuzz_json_require(strstr(where, "(line ") != NULL || strlen(where) > 400, "a value nowhere");
    for (size_t i = 0; i < json_count(value); i++)
        fuzz_json_places(doc, json_at(value, i));
}

static void fuzz_json_again(const struct json_doc *doc)
{
    struct json_doc *again = NULL;
    struct json_memory m;
    struct arena arena = {0};

    json_begin_memory(&m, false);
    fuzz_json_put(&m.w, json_root(doc));
    fuzz_json_require(json_end_memory(&m, &arena) == STATUS_OK,
                      "a document that cannot be written");
    fuzz_json_require(json_parse(&again, m.text, m.size, "again") == STATUS_OK,
                      "what was written cannot be read");
    fuzz_json_equal(json_root(doc), json_root(again));
    json_destroy(&again);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc = NULL;
    /* Exactly the bytes, so that a sanitizer sees one read too far. */
    char *copy = malloc(size ? size : 1);

    fuzz_json_require(copy != NULL, "no memory");
    if (size > 0)
        memcpy(copy, data, size);
    log_error(FUZZ_JSON_SENTINEL);
    const enum status st = json_parse(&doc, copy, size, "fuzz");
    free(copy); /* a document does not use the text */
    fuzz_json_require((!st) == (doc != NULL), "a refusal that leaves a document");
    if (!st) {
        fuzz_json_places(doc, json_root(doc));
        fuzz_json_again(doc);
    } else {
        fuzz_json_require(st == STATUS_INPUT, "a refusal that does not blame the input");
        fuzz_json_require(strncmp(log_last_error(), "fuzz:", 5) == 0 &&
                              strcmp(log_last_error(), FUZZ_JSON_SENTINEL) != 0,
                          "a refusal without a line");
    }
    json_destroy(&doc);
    return 0;
}

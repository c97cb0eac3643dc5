/* SPDX-License-Identifier: MIT */
/* JSON in and out; the only includer of cJSON is json.c. */
#ifndef VKFI_BASE_JSON_H
#define VKFI_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

/* Reading: a parsed document and its values. A value lives as long as its document. */
struct json_doc;
struct json; /* one value */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/* `name` (a path) appears in messages; an error says line and column. Duplicate keys are refused, a
 * byte-order mark at the start is skipped. */
enum status json_parse(struct json_doc **out, const char *text, size_t size,
                       const char *name) STATUS_MUST_USE;
enum status json_load(struct json_doc **out, const char *path) STATUS_MUST_USE;
void json_destroy(struct json_doc **doc);
const struct json *json_root(const struct json_doc *doc);

/* These take null and any type: null is JSON_NULL, and what a value does not have is 0, false, NaN
 * or null. */
enum json_type json_type(const struct json *value);
size_t json_count(const struct json *value);                            /* members or elements */
const struct json *json_at(const struct json *value, size_t index);     /* null if out of range */
const struct json *json_get(const struct json *value, const char *key); /* null if absent */
const char *json_key(const struct json *value);                         /* its key in its object */
bool json_bool(const struct json *value);
double json_number(const struct json *value); /* also of the texts "Infinity", "-Infinity" */
const char *json_text(const struct json *value);

/* True if the number is an integer in [min, max]; stores it. */
bool json_integer(const struct json *value, int64_t min, int64_t max, int64_t *out);

/* Document, JSON pointer (RFC 6901) and line of a value, for messages: "plan.json: /what/bit (line
 * 12)", "plan.json (line 1)" for the root. Static buffer per thread. */
const char *json_where(const struct json_doc *doc, const struct json *value);

/* Writing: a stream of tokens; commas, quotes and escapes are inserted. Inf and NaN become the
 * texts "Infinity", "-Infinity", "NaN" (NUMERICS.md 6). The writer keeps the first failure, so
 * calls need no single checks: json_end returns it. */
struct json_writer {
    FILE *file; /* null: output is dropped */
    uint32_t depth;
    bool first;     /* no member yet at this depth */
    bool keyed;     /* a key was just written */
    bool pretty;    /* two-space indent for objects */
    enum status st; /* the first failure */
};

void json_begin(struct json_writer *w, FILE *file, bool pretty);

/* Notes that a value could not be had (logged already); json_end returns it. Later calls still
 * close objects and arrays, so the text is JSON all the same. */
void json_take(struct json_writer *w, enum status st);

/* The same in memory: `text` (`size` bytes and a null, from the arena) is the output once it has
 * ended without a failure. json_end_memory must follow in any case. */
struct json_memory {
    struct json_writer w;
    char *text;
    size_t size;
};
void json_begin_memory(struct json_memory *out, bool pretty);
enum status json_end_memory(struct json_memory *m, struct arena *arena) STATUS_MUST_USE;
/* The text without its final line feed; null if it failed. */
enum status json_end_line(const char **out, struct json_memory *m,
                          struct arena *arena) STATUS_MUST_USE;

void json_object_open(struct json_writer *w);
void json_object_close(struct json_writer *w);
void json_array_open(struct json_writer *w);
void json_array_close(struct json_writer *w);
void json_put_key(struct json_writer *w, const char *key);
void json_put_text(struct json_writer *w,
                   const char *text); /* valid UTF-8; bad bytes become U+FFFD */
void json_put_text_n(struct json_writer *w, const char *text, size_t n);
void json_put_int(struct json_writer *w, int64_t value);
void json_put_number(struct json_writer *w, double value); /* shortest that reads back as double */
void json_put_float(struct json_writer *w, float value);   /* shortest that reads back as float */
void json_put_hex(struct json_writer *w, uint64_t value, int digits); /* as text, lower case */
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_value(struct json_writer *w, const struct json *value); /* with all that is in it */
/* A key and its value; a null text and a number that is NaN (not known) become null. */
void json_member_text(struct json_writer *w, const char *key, const char *text);
void json_member_int(struct json_writer *w, const char *key, int64_t value);
void json_member_known(struct json_writer *w, const char *key, bool known,
                       int64_t value); /* null unless known */
void json_member_number(struct json_writer *w, const char *key, double value);
void json_member_bool(struct json_writer *w, const char *key, bool value);
void json_member_hex(struct json_writer *w, const char *key, uint64_t value, int digits);
void json_member_null(struct json_writer *w, const char *key);
void json_member_ids(struct json_writer *w, const char *key, const int32_t *ids,
                     size_t n); /* the list of them */
void json_member_value(struct json_writer *w, const char *key, const struct json *value);
/* A key, and an object or array that json_object_close or json_array_close ends. */
void json_member_object(struct json_writer *w, const char *key);
void json_member_array(struct json_writer *w, const char *key);
/* Text of a C table, JSON with ' for the double quote, less than 1 KiB: under a key, or the members
 * of an object if `key` is null. */
enum status json_put_terse(struct json_writer *w, const char *key, const char *json);
/* Ends the line, flushes; the first failure, STATUS_IO if anything could not be written. */
enum status json_end(struct json_writer *w) STATUS_MUST_USE;

#endif

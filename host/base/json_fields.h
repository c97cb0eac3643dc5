/* SPDX-License-Identifier: MIT */
/* Members of JSON objects read with every check; one line with pointer and line for what is wrong.
 */
#ifndef VKFI_BASE_JSON_FIELDS_H
#define VKFI_BASE_JSON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"

/* What a value is, short, for messages: "-1", "'x'", "an empty list". */
struct json_found {
    char text[64];
};
struct json_found json_fields_found(const struct json *value);

/* All of these: STATUS_INPUT (logged) if the member is not as expected. Where `object` has no
 * member `key`, *out keeps its value, the default. */

struct json_words {
    const char *const *text; /* (count) */
    size_t count;
};

/* `value` is an object, and has no members but these; a near miss is suggested. `what` names it:
 * "a fault, an object with 'site'". */
enum status json_fields_object(const struct json_doc *doc, const struct json *value,
                               const char *what, struct json_words known) STATUS_MUST_USE;

enum status json_fields_text(const struct json_doc *doc, const struct json *object, const char *key,
                             const char **out) STATUS_MUST_USE;
enum status json_fields_bool(const struct json_doc *doc, const struct json *object, const char *key,
                             bool *out) STATUS_MUST_USE;

/* An integer in [min, max]. */
struct json_span {
    int64_t min, max;
};
enum status json_fields_integer(const struct json_doc *doc, const struct json *object,
                                const char *key, struct json_span span,
                                int64_t *out) STATUS_MUST_USE;
enum status json_fields_u32(const struct json_doc *doc, const struct json *object, const char *key,
                            struct json_span span, uint32_t *out) STATUS_MUST_USE;

/* Bits: an integer from 0 to `max`, or the same as a text "0x...". */
enum status json_fields_bits(const struct json_doc *doc, const struct json *object, const char *key,
                             uint32_t max, uint32_t *out) STATUS_MUST_USE;
/* The same for 64 bits: integers up to INT64_MAX, texts up to UINT64_MAX. */
enum status json_fields_bits64(const struct json_doc *doc, const struct json *object,
                               const char *key, uint64_t max, uint64_t *out) STATUS_MUST_USE;

/* A finite number in [min, max]; `open`: ends excluded. */
struct json_range {
    double min, max;
    bool open_min, open_max;
};
enum status json_fields_number(const struct json_doc *doc, const struct json *object,
                               const char *key, struct json_range range,
                               double *out) STATUS_MUST_USE;

/* The index of one of the words. */
enum status json_fields_word(const struct json_doc *doc, const struct json *object, const char *key,
                             struct json_words words, uint32_t *out) STATUS_MUST_USE;

/* The same for the value itself; null is not allowed. */
enum status json_fields_word_of(const struct json_doc *doc, const struct json *value,
                                struct json_words words, uint32_t *out) STATUS_MUST_USE;
enum status json_fields_integer_of(const struct json_doc *doc, const struct json *value,
                                   struct json_span span, int64_t *out) STATUS_MUST_USE;
enum status json_fields_number_of(const struct json_doc *doc, const struct json *value,
                                  struct json_range range, double *out) STATUS_MUST_USE;
enum status json_fields_text_of(const struct json_doc *doc, const struct json *value,
                                const char **out) STATUS_MUST_USE;
/* The index of `text`, a text or key at `value`, among the words. */
enum status json_fields_find(const struct json_doc *doc, const struct json *value, const char *text,
                             struct json_words words, uint32_t *out) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Checked reading of members: known names, types, ranges, words. */
#include "base/json_fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"

#define FIELDS_LIST_TEXT 400 /* of words in a message */
#define FIELDS_SHOWN 60      /* bytes of a text in a message */

static const char *type_name(const struct json *value)
{
    static const char *const names[] = {"null", "true or false", "a number",
                                        "text", "a list",        "an object"};
    return names[json_type(value)];
}

/* Bytes of a text that a message shows: whole characters only. */
static int shown_of(const char *text)
{
    size_t n = strlen(text);
    if (n > FIELDS_SHOWN) {
        for (n = FIELDS_SHOWN; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    }
    return (int)n;
}

struct json_found json_fields_found(const struct json *value)
{
    struct json_found out;
    int64_t whole;
    if (json_integer(value, INT64_MIN, INT64_MAX, &whole))
        snprintf(out.text, sizeof(out.text), "%" PRId64, whole);
    else if (json_type(value) == JSON_NUMBER)
        snprintf(out.text, sizeof(out.text), "%.9g", json_number(value));
    else if (json_type(value) == JSON_TEXT)
        snprintf(out.text, sizeof(out.text), "'%.*s'", shown_of(json_text(value)),
                 json_text(value));
    else if (json_type(value) == JSON_BOOL)
        snprintf(out.text, sizeof(out.text), "%s", json_bool(value) ? "true" : "false");
    else if (json_type(value) == JSON_ARRAY && json_count(value) == 0)
        snprintf(out.text, sizeof(out.text), "an empty list");
    else
        snprintf(out.text, sizeof(out.text), "%s", type_name(value));
    return out;
}

enum status json_fields_object(const struct json_doc *doc, const struct json *value,
                               const char *what, struct json_words known)
{
    if (json_type(value) != JSON_OBJECT) {
        log_error("%s: found %s, expected %s", json_where(doc, value), type_name(value), what);
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < json_count(value); i++) {
        const struct json *member = json_at(value, i);
        const char *key = json_key(member);
        bool found = false;
        for (size_t k = 0; k < known.count && !found; k++)
            found = strcmp(key, known.text[k]) == 0;
        if (found)
            continue;
        const char *nearest = args_nearest(key, known.text, known.count);
        log_error("%s: unknown field%s%s%s", json_where(doc, member),
                  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status json_fields_text_of(const struct json_doc *doc, const struct json *value,
                                const char **out)
{
    if (json_type(value) != JSON_TEXT) {
        log_error("%s: found %s, expected a text", json_where(doc, value), type_name(value));
        return STATUS_INPUT;
    }
    *out = json_text(value);
    return STATUS_OK;
}

enum status json_fields_text(const struct json_doc *doc, const struct json *object, const char *key,
                             const char **out)
{
    const struct json *value = json_get(object, key);
    return value ? json_fields_text_of(doc, value, out) : STATUS_OK;
}

enum status json_fields_bool(const struct json_doc *doc, const struct json *object, const char *key,
                             bool *out)
{
    const struct json *value = json_get(object, key);
    if (!value)
        return STATUS_OK;
    if (json_type(value) != JSON_BOOL) {
        log_error("%s: found %s, expected true or false", json_where(doc, value), type_name(value));
        return STATUS_INPUT;
    }
    *out = json_bool(value);
    return STATUS_OK;
}

enum status json_fields_integer(const struct json_doc *doc, const struct json *object,
                                const char *key, struct json_span span, int64_t *out)
{
    const struct json *value = json_get(object, key);
    return value ? json_fields_integer_of(doc, value, span, out) : STATUS_OK;
}

enum status json_fields_integer_of(const struct json_doc *doc, const struct json *value,
                                   struct json_span span, int64_t *out)
{
    if (json_integer(value, span.min, span.max, out))
        return STATUS_OK;
    log_error("%s: found %s, expected an integer from %" PRId64 " to %" PRId64,
              json_where(doc, value), json_fields_found(value).text, span.min, span.max);
    return STATUS_INPUT;
}

enum status json_fields_u32(const struct json_doc *doc, const struct json *object, const char *key,
                            struct json_span span, uint32_t *out)
{
    int64_t number = *out;
    enum status st = json_fields_integer(doc, object, key, span, &number);
    if (!st)
        *out = (uint32_t)number;
    return st;
}

enum status json_fields_bits64(const struct json_doc *doc, const struct json *object,
                               const char *key, uint64_t max, uint64_t *out)
{
    const struct json *value = json_get(object, key);
    int64_t number = 0;
    if (!value)
        return STATUS_OK;
    bool ok = json_integer(value, 0, INT64_MAX, &number);
    uint64_t bits = (uint64_t)number;
    if (!ok && json_type(value) == JSON_TEXT && strncmp(json_text(value), "0x", 2) == 0) {
        const char *digits = json_text(value) + 2;
        const size_t n = strlen(digits);
        ok = n > 0 && n <= 16 && strspn(digits, "0123456789abcdefABCDEF") == n;
        bits = ok ? strtoull(digits, NULL, 16) : 0;
    }
    if (!ok || bits > max) {
        log_error("%s: found %s, expected an integer from 0 to %" PRIu64
                  ", or the same as a text \"0x...\"",
                  json_where(doc, value), json_fields_found(value).text, max);
        return STATUS_INPUT;
    }
    *out = bits;
    return STATUS_OK;
}

enum status json_fields_bits(const struct json_doc *doc, const struct json *object, const char *key,
                             uint32_t max, uint32_t *out)
{
    uint64_t bits = *out;
    const enum status st = json_fields_bits64(doc, object, key, max, &bits);
    *out = (uint32_t)bits;
    return st;
}

enum status json_fields_number_of(const struct json_doc *doc, const struct json *value,
                                  struct json_range range, double *out)
{
    const double x = json_type(value) == JSON_NUMBER ? json_number(value) : NAN;
    const bool low = range.open_min ? x > range.min : x >= range.min;
    const bool high = range.open_max ? x < range.max : x <= range.max;
    if (low && high && isfinite(x)) {
        *out = x;
        return STATUS_OK;
    }
    if (isinf(range.max))
        log_error("%s: found %s, expected a number %s %g", json_where(doc, value),
                  json_fields_found(value).text, range.open_min ? "above" : "of at least",
                  range.min);
    else
        log_error("%s: found %s, expected a number %s %g and %s %g", json_where(doc, value),
                  json_fields_found(value).text, range.open_min ? "above" : "from", range.min,
                  range.open_max ? "below" : "up to", range.max);
    return STATUS_INPUT;
}

enum status json_fields_number(const struct json_doc *doc, const struct json *object,
                               const char *key, struct json_range range, double *out)
{
    const struct json *value = json_get(object, key);
    return value ? json_fields_number_of(doc, value, range, out) : STATUS_OK;
}

/* "a, b or c", cut at the buffer. */
static void list_words(char out[FIELDS_LIST_TEXT], struct json_words words)
{
    size_t at = 0;
    bool some = false;
    out[0] = '\0';
    for (size_t i = 0; i < words.count && at < FIELDS_LIST_TEXT; i++) {
        if (words.text[i][0] == '\0')
            continue;
        const char *between = !some ? "" : i + 1 == words.count ? " or " : ", ";
        at += (size_t)snprintf(out + at, FIELDS_LIST_TEXT - at, "%s%s", between, words.text[i]);
        some = true;
    }
}

enum status json_fields_find(const struct json_doc *doc, const struct json *value, const char *text,
                             struct json_words words, uint32_t *out)
{
    char list[FIELDS_LIST_TEXT];
    for (size_t i = 0; i < words.count; i++) {
        if (words.text[i][0] != '\0' && strcmp(words.text[i], text) == 0) {
            *out = (uint32_t)i;
            return STATUS_OK;
        }
    }
    list_words(list, words);
    char suggestion[ARGS_SUGGESTION];
    log_error("%s: found '%.*s', expected %s%s", json_where(doc, value), shown_of(text), text, list,
              args_suggest(suggestion, text, words.text, words.count));
    return STATUS_INPUT;
}

enum status json_fields_word_of(const struct json_doc *doc, const struct json *value,
                                struct json_words words, uint32_t *out)
{
    char list[FIELDS_LIST_TEXT];
    if (json_type(value) == JSON_TEXT)
        return json_fields_find(doc, value, json_text(value), words, out);
    list_words(list, words);
    log_error("%s: found %s, expected one of the texts %s", json_where(doc, value),
              type_name(value), list);
    return STATUS_INPUT;
}

enum status json_fields_word(const struct json_doc *doc, const struct json *object, const char *key,
                             struct json_words words, uint32_t *out)
{
    const struct json *value = json_get(object, key);
    return value ? json_fields_word_of(doc, value, words, out) : STATUS_OK;
}

/* SPDX-License-Identifier: MIT */
/* The strict JSON scan: grammar, limits and the place of each value. */
#include "base/json_scan.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct scan {
    const char *text, *name;
    size_t size, at;
    size_t line_start; /* offset of the current line's first byte */
    uint32_t line;
    struct json_place *places; /* owned */
    size_t count, room;
    enum status status; /* of the first error; nothing is scanned after one */
};

size_t json_scan_utf8(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    const unsigned char lead = n ? s[0] : 0xff;
    const size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (lead > 0xf4 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((lead == 0xe0 && s[1] < 0xa0) || (lead == 0xed && s[1] > 0x9f) ||
        (lead == 0xf0 && s[1] < 0x90) || (lead == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

size_t json_scan_mark(const char *text, size_t n)
{
    return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static bool fail_expected(struct scan *s, const char *expected)
{
    char found[32];
    const unsigned char c = s->at < s->size ? (unsigned char)s->text[s->at] : 0;

    if (s->at >= s->size)
        snprintf(found, sizeof(found), "the end of the text");
    else if (c > 0x20 && c < 0x7f)
        snprintf(found, sizeof(found), "'%c'", c);
    else
        snprintf(found, sizeof(found), "byte 0x%02x", c);
    log_error("%s:%u:%zu: found %s, expected %s", s->name, s->line, s->at - s->line_start + 1,
              found, expected);
    s->status = STATUS_INPUT;
    return false;
}

static bool add_place(struct scan *s)
{
    if (s->count == s->room) {
        const size_t room = s->room ? 2 * s->room : 256;
        struct json_place *places = realloc(s->places, room * sizeof(*places));
        if (!places) {
            log_error("%s: out of host memory, %zu bytes wanted", s->name, room * sizeof(*places));
            s->status = STATUS_MEMORY;
            return false;
        }
        s->places = places;
        s->room = room;
    }
    s->places[s->count++] = (struct json_place){
        .offset = (uint32_t)s->at,
        .line = s->line,
        .column = (uint32_t)(s->at - s->line_start) + 1,
    };
    return true;
}

static int peek(const struct scan *s)
{
    return s->at < s->size ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
    for (int c = peek(s); c == ' ' || c == '\n' || c == '\t' || c == '\r'; c = peek(s)) {
        s->at++;
        if (c == '\n') {
            s->line++;
            s->line_start = s->at;
        }
    }
}

/* Four hex digits at `at`, -1 if not. */
static int hex4(const struct scan *s, size_t at)
{
    int value = 0;

    for (size_t i = at; i < at + 4; i++) {
        const char c = i < s->size ? s->text[i] : 'x';
        int digit = -1;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = (c | 0x20) - 'a' + 10;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The cursor is after a backslash. */
static bool scan_escape(struct scan *s)
{
    const int c = peek(s);

    if (c != 'u') {
        if (c <= 0 || !strchr("\"\\/bfnrt", c))
            return fail_expected(s, "one of \" \\ / b f n r t u after a backslash");
        s->at++;
        return true;
    }
    const int unit = hex4(s, s->at + 1);
    if (unit <= 0)
        return fail_expected(s, "\\u with four hex digits, not all zero");
    if ((unit & 0xfc00) == 0xdc00)
        return fail_expected(s, "a high surrogate before a low one");
    s->at += 5;
    if ((unit & 0xfc00) == 0xd800) {
        if (peek(s) != '\\' || s->at + 1 >= s->size || s->text[s->at + 1] != 'u' ||
            (hex4(s, s->at + 2) & ~0x3ff) != 0xdc00)
            return fail_expected(s, "a low surrogate after a high one");
        s->at += 6;
    }
    return true;
}

static bool scan_text(struct scan *s, const char *expected)
{
    if (peek(s) != '"')
        return fail_expected(s, expected);
    s->at++;
    while (peek(s) != '"') {
        const size_t len = json_scan_utf8(s->text + s->at, s->size - s->at);
        if (peek(s) < 0)
            return fail_expected(s, "a closing quote");
        if (len == 0 || peek(s) < 0x20)
            return fail_expected(s, len ? "control characters escaped" : "valid UTF-8");
        s->at += len;
        if (s->text[s->at - 1] == '\\' && !scan_escape(s))
            return false;
    }
    s->at++;
    return true;
}

static bool scan_digits(struct scan *s)
{
    const size_t start = s->at;

    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > start || fail_expected(s, "a digit");
}

static bool scan_number(struct scan *s)
{
    const size_t start = s->at;

    s->at += peek(s) == '-';
    if (peek(s) == '0') {
        s->at++;
        if (peek(s) >= '0' && peek(s) <= '9')
            return fail_expected(s, "no digit after a leading zero");
    } else if (!scan_digits(s)) {
        return false;
    }
    if (peek(s) == '.') {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        s->at += peek(s) == '+' || peek(s) == '-';
        if (!scan_digits(s))
            return false;
    }
    /* cJSON reads a number through a buffer of this size. */
    return s->at - start <= JSON_SCAN_NUMBER_MAX ||
           fail_expected(s, "a number of at most 63 bytes");
}

static bool scan_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const size_t len = strlen(words[i]);
        if (s->size - s->at >= len && memcmp(s->text + s->at, words[i], len) == 0) {
            s->at += len;
            return true;
        }
    }
    return fail_expected(s, "a value");
}

static bool scan_value(struct scan *s, int depth);

static bool scan_member(struct scan *s, int depth, bool keyed, const char *expected)
{
    skip_space(s);
    if (keyed) {
        if (!scan_text(s, expected))
            return false;
        skip_space(s);
        if (peek(s) != ':')
            return fail_expected(s, "':' after the key");
        s->at++;
    }
    return scan_value(s, depth);
}

/* The cursor is on the opening bracket. */
static bool scan_members(struct scan *s, int depth)
{
    const bool keyed = peek(s) == '{';
    const char close = keyed ? '}' : ']';

    if (depth >= JSON_SCAN_DEPTH_MAX)
        return fail_expected(s, "at most 64 levels of nesting");
    s->at++;
    skip_space(s);
    if (peek(s) == close) {
        s->at++;
        return true;
    }
    for (const char *expected = "a key or '}'";; expected = "a key") {
        if (!scan_member(s, depth + 1, keyed, expected))
            return false;
        skip_space(s);
        const int c = peek(s);
        if (c != close && c != ',')
            return fail_expected(s, keyed ? "',' or '}'" : "',' or ']'");
        s->at++;
        if (c == close)
            return true;
    }
}

static bool scan_value(struct scan *s, int depth)
{
    skip_space(s);
    const int c = peek(s);

    if (!add_place(s))
        return false;
    if (c == '{' || c == '[')
        return scan_members(s, depth);
    if (c == '"')
        return scan_text(s, "a text");
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    return scan_word(s);
}

enum status json_scan_text(struct json_place **out, size_t *out_count, const char *text,
                           size_t size, const char *name)
{
    struct scan s = {.text = text, .name = name, .size = size, .line = 1};

    if (size > JSON_SCAN_SIZE_MAX) {
        log_error("%s: found %zu bytes of JSON, expected at most %zu", name, size,
                  JSON_SCAN_SIZE_MAX);
        return STATUS_INPUT;
    }
    if (scan_value(&s, 0)) {
        skip_space(&s);
        if (s.at < s.size)
            fail_expected(&s, "nothing after the document");
    }
    if (s.status) {
        free(s.places);
        return s.status;
    }
    *out = s.places;
    *out_count = s.count;
    return STATUS_OK;
}

/* SPDX-License-Identifier: MIT */
/* JSON in and out. cJSON holds the values; a strict scan in document order checks what cJSON lets
 * pass and notes where each value stands. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#define JSON_DEPTH_MAX 64
#define JSON_SIZE_MAX ((size_t)64 << 20)
#define JSON_LINEAR_KEYS 16

struct json {
    const cJSON *item;         /* owned by the document's tree */
    const struct json *parent; /* null for the root */
    struct json *child;        /* count of them, in document order */
    size_t count;
    size_t offset; /* of the value's first byte in the text */
    uint32_t line;
};

struct json_doc {
    struct arena arena; /* all that follows but the tree */
    cJSON *tree;        /* owned */
    struct json root;
};

struct scan {
    const char *text, *name;
    size_t size, at;
    uint32_t line;
    struct arena *arena;
    enum status status; /* of the first error; nothing is scanned after one */
};

/* Length of the UTF-8 character at `text`, 0 if none stands there (Unicode 15, table 3-7). */
static size_t utf8_length(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    const unsigned char lead = n ? s[0] : 0xff;
    const size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (lead > 0xf4 || len > n) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((lead == 0xe0 && s[1] < 0xa0) || (lead == 0xed && s[1] > 0x9f) ||
        (lead == 0xf0 && s[1] < 0x90) || (lead == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    return len;
}

static uint32_t column_of(const struct scan *s, size_t offset)
{
    size_t start = offset;

    while (start > 0 && s->text[start - 1] != '\n') {
        start--;
    }
    return (uint32_t)(offset - start) + 1;
}

static bool fail_expected(struct scan *s, const char *expected)
{
    char found[32];
    const unsigned char c = s->at < s->size ? (unsigned char)s->text[s->at] : 0;

    if (s->at >= s->size) {
        snprintf(found, sizeof(found), "the end of the text");
    } else if (c > 0x20 && c < 0x7f) {
        snprintf(found, sizeof(found), "'%c'", c);
    } else {
        snprintf(found, sizeof(found), "byte 0x%02x", c);
    }
    log_error("%s:%u:%u: found %s, expected %s", s->name, s->line, column_of(s, s->at), found,
              expected);
    s->status = STATUS_INPUT;
    return false;
}

static int peek(const struct scan *s)
{
    return s->at < s->size ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
    for (int c = peek(s); c == ' ' || c == '\n' || c == '\t' || c == '\r'; c = peek(s)) {
        s->line += c == '\n';
        s->at++;
    }
}

/* Four hex digits at `at`, -1 if not. */
static int hex4(const struct scan *s, size_t at)
{
    int value = 0;

    for (size_t i = at; i < at + 4; i++) {
        const char c = i < s->size ? s->text[i] : 'x';
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* The cursor stands behind a backslash. */
static bool scan_escape(struct scan *s)
{
    const int c = peek(s);

    if (c != 'u') {
        if (c <= 0 || !strchr("\"\\/bfnrt", c)) {
            return fail_expected(s, "one of \" \\ / b f n r t u after a backslash");
        }
        s->at++;
        return true;
    }
    const int unit = hex4(s, s->at + 1);
    if (unit <= 0) {
        return fail_expected(s, "\\u with four hex digits, not all zero");
    }
    s->at += 5;
    if ((unit & 0xfc00) == 0xdc00) {
        return fail_expected(s, "a high surrogate before a low one");
    }
    if ((unit & 0xfc00) == 0xd800) {
        if (peek(s) != '\\' || s->at + 1 >= s->size || s->text[s->at + 1] != 'u' ||
            (hex4(s, s->at + 2) & ~0x3ff) != 0xdc00) {
            return fail_expected(s, "a low surrogate after a high one");
        }
        s->at += 6;
    }
    return true;
}

static bool scan_text(struct scan *s, const char *what)
{
    if (peek(s) != '"') {
        return fail_expected(s, what);
    }
    s->at++;
    while (peek(s) != '"') {
        const size_t len = utf8_length(s->text + s->at, s->size - s->at);
        if (peek(s) < 0) {
            return fail_expected(s, "a closing quote");
        }
        if (len == 0 || peek(s) < 0x20) {
            return fail_expected(s, len ? "control characters escaped" : "valid UTF-8");
        }
        s->at += len;
        if (len == 1 && s->text[s->at - 1] == '\\' && !scan_escape(s)) {
            return false;
        }
    }
    s->at++;
    return true;
}

static bool scan_digits(struct scan *s)
{
    const size_t start = s->at;

    while (peek(s) >= '0' && peek(s) <= '9') {
        s->at++;
    }
    return s->at > start || fail_expected(s, "a digit");
}

static bool scan_number(struct scan *s)
{
    s->at += peek(s) == '-';
    if (peek(s) == '0') {
        s->at++;
        if (peek(s) >= '0' && peek(s) <= '9') {
            return fail_expected(s, "no digit after a leading zero");
        }
    } else if (!scan_digits(s)) {
        return false;
    }
    if (peek(s) == '.') {
        s->at++;
        if (!scan_digits(s)) {
            return false;
        }
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        s->at += peek(s) == '+' || peek(s) == '-';
        return scan_digits(s);
    }
    return true;
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

static bool scan_value(struct scan *s, struct json *node, int depth);

/* Reads the members up to `close`; nodes follow the tree, if there is one. */
static bool scan_members(struct scan *s, struct json *node, int depth, char close)
{
    const cJSON *item = node && node->item ? node->item->child : NULL;

    s->at++;
    skip_space(s);
    if (peek(s) == close) {
        s->at++;
        return true;
    }
    for (size_t i = 0;; i++) {
        struct json *child = item ? &node->child[i] : NULL;
        if (child) {
            child->parent = node;
            child->item = item;
            item = item->next;
        }
        skip_space(s);
        if (close == '}') {
            if (!scan_text(s, i ? "a key" : "a key or '}'")) {
                return false;
            }
            skip_space(s);
            if (peek(s) != ':') {
                return fail_expected(s, "':' after the key");
            }
            s->at++;
        }
        if (!scan_value(s, child, depth + 1)) {
            return false;
        }
        skip_space(s);
        if (peek(s) == close) {
            s->at++;
            return true;
        }
        if (peek(s) != ',') {
            return fail_expected(s, close == '}' ? "',' or '}'" : "',' or ']'");
        }
        s->at++;
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a;
    const struct json *y = *(const struct json *const *)b;
    const int order = strcmp(x->item->string, y->item->string);

    return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static bool check_keys(struct scan *s, const struct json *node)
{
    struct arena scratch = {0};
    const struct json **sorted = arena_array(&scratch, node->count, sizeof(struct json *));

    if (!sorted) {
        s->status = STATUS_MEMORY;
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        sorted[i] = &node->child[i];
    }
    qsort(sorted, node->count, sizeof(struct json *), compare_keys);
    for (size_t i = 1; i < node->count && s->status == STATUS_OK; i++) {
        if (strcmp(sorted[i - 1]->item->string, sorted[i]->item->string) == 0) {
            log_error("%s:%u:%u: found key \"%s\" again (first on line %u), expected each key once",
                      s->name, sorted[i]->line, column_of(s, sorted[i]->offset),
                      sorted[i]->item->string, sorted[i - 1]->line);
            s->status = STATUS_INPUT;
        }
    }
    arena_finish(&scratch);
    return s->status == STATUS_OK;
}

/* `node` is null while a text that cJSON refused is searched for its error. */
static bool scan_value(struct scan *s, struct json *node, int depth)
{
    skip_space(s);
    const int c = peek(s);
    if (node) {
        node->offset = s->at;
        node->line = s->line;
        for (const cJSON *item = node->item->child; item; item = item->next) {
            node->count++;
        }
        node->child = node->count ? arena_array(s->arena, node->count, sizeof(*node)) : NULL;
        if (node->count && !node->child) {
            s->status = STATUS_MEMORY;
            return false;
        }
    }
    if (c == '{' || c == '[') {
        if (depth >= JSON_DEPTH_MAX) {
            return fail_expected(s, "at most 64 levels of nesting");
        }
        return scan_members(s, node, depth, c == '{' ? '}' : ']') &&
               (c == '[' || !node || check_keys(s, node));
    }
    if (c == '"') {
        return scan_text(s, "a text");
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return scan_number(s);
    }
    return scan_word(s);
}

static enum status scan_document(struct json_doc *doc, struct scan *s)
{
    if (scan_value(s, doc->tree ? &doc->root : NULL, 0)) {
        skip_space(s);
        if (s->at < s->size) {
            fail_expected(s, "nothing after the document");
        }
    }
    if (s->status == STATUS_OK && !doc->tree) {
        log_error("%s: out of host memory while reading %zu bytes of JSON", s->name, s->size);
        s->status = STATUS_MEMORY;
    }
    return s->status;
}

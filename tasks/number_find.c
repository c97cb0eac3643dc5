/* SPDX-License-Identifier: MIT */
/* Numbers found in texts: digits and separators of any script to ASCII, then a scan. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/utf8.h"
#include "tasks/number.h"

/* Forms of the separators of other scripts, besides ASCII's own. */
#define HARD_SPACE '\x01' /* groups thousands only */
#define POINT '\x02'      /* starts decimals only */
#define LETTER '\x03'     /* of another script     */
#define CURRENCY '$'
#define INDIAN_GROUPS 16 /* of two digits: people write no more */

/* Code points of the zeros of the decimal digits (Unicode 15, general category Nd). */
static const uint32_t ZEROS[] = {0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6,
                                 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50, 0x0ED0,
                                 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10};

struct number_scan {
    const char *text; /* skeleton: one byte per character */
    size_t size, at;
    enum number_point point;
};

/* One number of the skeleton. */
struct number_span {
    size_t begin, end; /* without sign and point at its end */
    size_t decimals;   /* start of the decimals; end if there are none */
    bool negative;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == LETTER;
}

static char skeleton_of(uint32_t code, char before)
{
    if (code < 0x80)
        return (char)(code < 0x20 ? ' ' : code);
    for (size_t i = 0; i < sizeof(ZEROS) / sizeof(ZEROS[0]); i++) {
        if (code >= ZEROS[i] && code < ZEROS[i] + 10)
            return (char)('0' + (code - ZEROS[i]));
    }
    switch (code) {
    case 0x2212: /* minus */
    case 0x2013: /* en dash */
    case 0xFF0D:
        return '-';
    case 0x066B: /* Arabic decimal separator */
        return POINT;
    case 0x066C: /* Arabic thousands separator */
    case 0x00A0:
    case 0x2007:
    case 0x2009:
    case 0x202F:
        return HARD_SPACE;
    case 0x2019:
        return '\'';
    case 0xFF0C: /* also a comma of sentences: a separator only between digits */
        return is_digit(before) ? ',' : ' ';
    case 0xFF0E:
        return '.';
    case 0x2044: /* fraction slash */
    case 0xFF0F:
        return '/';
    case 0x00A3:
    case 0x00A5:
    case 0x20AC:
    case 0x20B9:
    case 0x0E3F:
        return CURRENCY;
    case 0x3000:
        return ' ';
    default:
        return LETTER;
    }
}

/* \frac{3}{4}, \dfrac{3}{4}: puts "3/4" in the skeleton; bytes read, 0 if none. */
static size_t fraction_of(struct text *out, const char *at, size_t size, enum status *st)
{
    size_t i = 0, cut[4];

    while (i < size && i < 6 && at[i] != '{')
        i++;
    if (i >= size || at[i] != '{' || i < 5 || strncmp(at + i - 4, "frac", 4) != 0)
        return 0;
    for (int part = 0; part < 2; part++) {
        if (i >= size || at[i] != '{')
            return 0;
        cut[2 * part] = ++i;
        while (i < size && is_digit(at[i]))
            i++;
        cut[2 * part + 1] = i;
        if (i >= size || at[i] != '}' || cut[2 * part] == i)
            return 0;
        i++;
    }
    if (out->size > 0 && is_digit(out->data[out->size - 1]))
        *st = text_add(out, " ", 1); /* a mixed number */
    if (!*st)
        *st = text_add(out, at + cut[0], cut[1] - cut[0]);
    if (!*st)
        *st = text_add(out, "/", 1);
    if (!*st)
        *st = text_add(out, at + cut[2], cut[3] - cut[2]);
    return i;
}

/* LaTeX between digits: bytes read, 0 if none. */
static size_t latex_of(struct text *out, const char *at, size_t size, enum status *st)
{
    const size_t left = size;

    if (left >= 3 && strncmp(at, "{,}", 3) == 0) {
        *st = text_add(out, ",", 1);
        return 3;
    }
    if (left >= 2 && at[0] == '\\') {
        if (at[1] == '!') { /* a negative space, and blanks after it */
            size_t n = 2;
            while (n < left && at[n] == ' ')
                n++;
            return n;
        }
        if (at[1] == ',' || at[1] == ';' || at[1] == ':' || at[1] == ' ') {
            *st = text_add(out, "\x01", 1);
            return 2;
        }
        if (at[1] == '$' || at[1] == '%')
            return 1;
        return fraction_of(out, at, left, st);
    }
    return 0;
}

static enum status skeleton(struct text *out, const char *text, size_t size)
{
    enum status st = text_add(out, " ", 1);

    for (size_t i = 0; i < size && !st;) {
        const size_t latex = latex_of(out, text + i, size - i, &st);
        if (latex > 0 || st) {
            i += latex;
            continue;
        }
        const struct utf8_char c = utf8_next(text + i, size - i);
        const char before = out->data[out->size - 1];
        const char put = c.kind == UTF8_GOOD ? skeleton_of(c.code, before) : LETTER;
        st = text_add(out, &put, 1);
        i += c.size;
    }
    return st;
}

static size_t digits_from(const struct number_scan *s, size_t at)
{
    size_t n = 0;

    while (at + n < s->size && is_digit(s->text[at + n]))
        n++;
    return n;
}

static char at_or_null(const struct number_scan *s, size_t at)
{
    return at < s->size ? s->text[at] : 0;
}

/* End of the groups of thousands that start at `at` with separator `sep`; without groups, the end
 * of the digits at `at`. *groups counts the separators. */
static size_t groups_end(const struct number_scan *s, size_t at, char sep, uint32_t *groups)
{
    const size_t first = digits_from(s, at);
    size_t end = at + first, three = end, two = end;
    uint32_t n_three = 0, n_two = 0;

    *groups = 0;
    if (first == 0 || first > 3)
        return end;
    for (; at_or_null(s, three) == sep && digits_from(s, three + 1) == 3; n_three++)
        three += 4;
    if (n_three == 0 && sep == ',' && first <= 2) { /* 1,23,456 */
        for (; at_or_null(s, two) == sep && digits_from(s, two + 1) == 2 && n_two < INDIAN_GROUPS;
             n_two++)
            two += 3;
        if (n_two > 0 && at_or_null(s, two) == sep && digits_from(s, two + 1) == 3) {
            *groups = n_two + 1;
            return two + 4;
        }
    }
    *groups = n_three;
    return three;
}

/* Whether a single `sep` before three digits groups thousands. */
static bool single_groups(const struct number_scan *s, size_t begin, char sep)
{
    const bool zero = s->text[begin] == '0';

    switch (s->point) {
    case NUMBER_POINT_DOT:
        return sep == ',';
    case NUMBER_POINT_COMMA:
        return sep == '.';
    default:
        return !zero;
    }
}

/* Whether `sep` may start decimals after thousands grouped by `grouping` (0: none). */
static bool begins_decimals(const struct number_scan *s, char sep, char grouping)
{
    if (sep == POINT)
        return true;
    if ((sep != '.' && sep != ',') || sep == grouping)
        return false;
    /* A comma between English numbers may belong to a list, a point between German ones does
     * not. */
    return sep == '.' || s->point != NUMBER_POINT_DOT;
}

static void span_read(const struct number_scan *s, struct number_span *out, size_t at)
{
    static const char separators[] = {',', '.', '\'', HARD_SPACE, ' '};
    size_t end = at + digits_from(s, at);
    char grouping = 0;

    out->begin = at;
    /* Plain blanks group only where commas may be points. */
    const size_t n = sizeof(separators) - (s->point == NUMBER_POINT_DOT);
    for (size_t i = 0; i < n && !grouping && end > at; i++) {
        const char sep = separators[i];
        uint32_t groups;
        const size_t grouped = groups_end(s, at, sep, &groups);
        const bool alone = groups == 1 && (sep == ',' || sep == '.') && !single_groups(s, at, sep);
        if (groups == 0 || alone)
            continue;
        grouping = sep;
        end = grouped;
    }
    out->end = out->decimals = end;
    if (begins_decimals(s, at_or_null(s, end), grouping)) {
        const size_t decimals = digits_from(s, end + 1);
        if (decimals > 0) {
            out->decimals = end + 1;
            out->end = end + 1 + decimals;
        }
    }
}

static bool is_sign(const struct number_scan *s, size_t at)
{
    while (at > 0 && (s->text[at - 1] == CURRENCY || s->text[at - 1] == '*'))
        at--;
    if (at == 0 || s->text[at - 1] != '-')
        return false;
    const char before = at > 1 ? s->text[at - 2] : ' ';
    return !is_digit(before) && !is_letter(before) && before != ')' && before != ']' &&
           before != '}' && before != '.';
}

static bool number_span_next(struct number_scan *s, struct number_span *out)
{
    for (; s->at < s->size; s->at++) {
        const char c = s->text[s->at];
        const char before = s->at > 0 ? s->text[s->at - 1] : ' ';
        if (is_digit(c))
            break;
        if ((c == '.' || c == POINT) && is_digit(at_or_null(s, s->at + 1)) && !is_digit(before) &&
            !is_letter(before))
            break;
    }
    if (s->at >= s->size)
        return false;
    span_read(s, out, s->at);
    out->negative = is_sign(s, s->at);
    s->at = out->end;
    return true;
}

/* Digits of [begin, end) without separators; leading zeros are dropped, one digit stays. */
static enum status put_whole(struct text *out, const char *text, size_t begin, size_t end)
{
    const size_t start = out->size;
    enum status st = STATUS_OK;

    for (size_t i = begin; i < end && !st; i++) {
        if (is_digit(text[i]) && (out->size > start || text[i] != '0'))
            st = text_add(out, text + i, 1);
    }
    if (!st && out->size == start)
        st = text_add(out, "0", 1);
    return st;
}

static enum status put_number(struct text *out, const struct number_scan *s,
                              const struct number_span *span)
{
    const size_t whole = span->decimals > span->begin && span->decimals < span->end
                             ? span->decimals - 1
                             : span->decimals;
    size_t end = span->end;
    enum status st = span->negative ? text_add(out, "-", 1) : STATUS_OK;

    if (!st)
        st = put_whole(out, s->text, span->begin, whole);
    if (span->decimals >= span->end || st)
        return st;
    while (end > span->decimals && s->text[end - 1] == '0')
        end--;
    if (end > span->decimals)
        st = text_add(out, ".", 1);
    for (size_t i = span->decimals; i < end && !st; i++)
        st = text_add(out, s->text + i, 1);
    return st;
}

/* End of a denominator after an integer's span, 0 if there is none. */
static size_t slash_end(const struct number_scan *s, const struct number_span *span)
{
    const size_t n = digits_from(s, span->end + 1);
    const size_t end = span->end + 1 + n;
    bool zero = true;

    if (at_or_null(s, span->end) != '/' || n == 0 || span->decimals != span->end ||
        (span->begin > 0 && s->text[span->begin - 1] == '/') || at_or_null(s, end) == '/' ||
        is_digit(at_or_null(s, end)))
        return 0;
    if ((at_or_null(s, end) == '.' || at_or_null(s, end) == ',') && digits_from(s, end + 1) > 0)
        return 0;
    for (size_t i = span->end + 1; i < end; i++)
        zero = zero && s->text[i] == '0';
    return zero ? 0 : end;
}

/* "1 3/4": adds the integer in `out` to a proper fraction. False: another form. */
static bool mix(struct text *out, const struct number_scan *s, const struct number_span *span,
                size_t end, enum status *st)
{
    const char *digits = out->data + (out->data[0] == '-');
    const size_t n_over = span->end - span->begin, n_under = end - span->end - 1;

    if (strlen(digits) > 6 || strspn(digits, "0123456789") != strlen(digits) || n_over > 6 ||
        n_under > 6 || span->negative)
        return false;
    const long whole = strtol(digits, NULL, 10);
    const long over = strtol(s->text + span->begin, NULL, 10);
    const long under = strtol(s->text + span->end + 1, NULL, 10);
    if (over >= under)
        return false;
    const bool negative = out->data[0] == '-';
    out->size = 0;
    *st = text_addf(out, "%s%ld/%ld", negative ? "-" : "", whole * under + over, under);
    return true;
}

/* The number found by the scan, with the fraction after it. */
static enum status number_put(struct text *out, struct number_scan *s, struct number_span *span)
{
    size_t slash = slash_end(s, span);
    enum status st;

    out->size = 0;
    st = put_number(out, s, span);
    if (!st && slash > 0) {
        st = text_add(out, "/", 1);
        if (!st)
            st = put_whole(out, s->text, span->end + 1, slash);
        s->at = slash;
    } else if (!st && span->decimals == span->end && at_or_null(s, span->end) == ' ') {
        struct number_span part = {0};
        if (is_digit(at_or_null(s, span->end + 1))) {
            span_read(s, &part, span->end + 1);
            slash = slash_end(s, &part);
            if (slash > 0 && mix(out, s, &part, slash, &st))
                s->at = slash;
        }
    }
    if (!st && out->size >= 2 && out->data[0] == '-' &&
        strspn(out->data + 1, "0.") == out->size - 1)
        st = (out->size = 0, text_add(out, "0", 1));
    return st;
}

static enum status number_find(const char **out, struct arena *arena, struct number_scan *scan,
                               bool last)
{
    struct text bones = {0}, number = {0};
    struct number_span span;
    bool any = false;

    *out = NULL;
    enum status st = skeleton(&bones, scan->text, scan->size);
    scan->text = bones.data;
    scan->size = bones.size;
    while (!st && (last || !any) && number_span_next(scan, &span)) {
        any = true;
        st = number_put(&number, scan, &span);
    }
    if (!st && any) {
        *out = arena_text(arena, number.data, number.size);
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&bones);
    text_finish(&number);
    return st;
}

enum status number_last(const char **out, struct arena *arena, const char *text, size_t size,
                        enum number_point point)
{
    return number_find(out, arena, &(struct number_scan){text, size, 0, point}, true);
}

enum status number_first(const char **out, struct arena *arena, const char *text, size_t size,
                         enum number_point point)
{
    return number_find(out, arena, &(struct number_scan){text, size, 0, point}, false);
}

/* SPDX-License-Identifier: MIT */
/* Equality of rows: what must agree on every device, and in words what does not. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "inject/store/row.h"

/* Bytes of a text that are shown, and of them those before the difference. */
enum { SHOWN = 40, SHOWN_BEFORE = 12 };

static bool same_value(const struct row *a, const struct row *b, const struct row_field *field)
{
    if (field->type == ROW_INT) {
        return row_int(a, field) == row_int(b, field);
    }
    if (field->type == ROW_REAL) {
        const double x = row_real(a, field), y = row_real(b, field);
        return memcmp(&x, &y, sizeof(x)) == 0 || (isnan(x) && isnan(y));
    }
    const char *x = row_text(a, field), *y = row_text(b, field);
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* Where two texts part, at the begin of a UTF-8 character. */
static size_t parting(const char *a, const char *b)
{
    size_t at = 0;

    while (a[at] && a[at] == b[at]) {
        at++;
    }
    while (at > 0 && ((unsigned char)a[at] & 0xc0) == 0x80) {
        at--;
    }
    return at;
}

/* Moves `at` back or on to the next begin of a character. */
static size_t whole(const char *text, size_t at)
{
    while (((unsigned char)text[at] & 0xc0) == 0x80) {
        at++;
    }
    return at;
}

static void put_text(char *out, size_t size, const char *text, size_t at)
{
    if (!text) {
        snprintf(out, size, "null");
        return;
    }
    const size_t length = strlen(text);
    const size_t from = at > SHOWN_BEFORE ? whole(text, at - SHOWN_BEFORE) : 0;
    const size_t to = length > from + SHOWN ? whole(text, from + SHOWN) : length;
    snprintf(out, size, "%s\"%.*s\"%s", from > 0 ? "..." : "", (int)(to - from), text + from,
             to < length ? "..." : "");
}

static void put_value(char *out, size_t size, const struct row *row, const struct row_field *field)
{
    if (field->type == ROW_INT && row_int(row, field) != ROW_NULL) {
        snprintf(out, size, "%" PRId64, row_int(row, field));
    } else if (field->type == ROW_REAL && !isnan(row_real(row, field))) {
        snprintf(out, size, "%.17g", row_real(row, field));
    } else {
        snprintf(out, size, "null");
    }
}

static void describe(struct row_difference *out, const struct row *a, const struct row *b)
{
    char x[96], y[96];

    if (out->field->type == ROW_TEXT) {
        const char *s = row_text(a, out->field), *t = row_text(b, out->field);
        const size_t at = s && t ? parting(s, t) : 0;
        put_text(x, sizeof(x), s, at);
        put_text(y, sizeof(y), t, at);
    } else {
        put_value(x, sizeof(x), a, out->field);
        put_value(y, sizeof(y), b, out->field);
    }
    snprintf(out->text, sizeof(out->text), "%s: %s against %s", out->field->name, x, y);
}

bool row_compare(const struct row *a, const struct row *b, struct row_difference *out)
{
    *out = (struct row_difference){0};
    for (size_t i = 0; i < row_field_count; i++) {
        if (row_fields[i].same && !same_value(a, b, &row_fields[i])) {
            out->field = &row_fields[i];
            describe(out, a, b);
            return false;
        }
    }
    return true;
}

uint64_t row_digest(const struct row *row)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < row_field_count; i++) {
        const struct row_field *field = &row_fields[i];
        if (!field->same) {
            continue;
        }
        if (field->type == ROW_TEXT) {
            const char *text = row_text(row, field);
            digest = text ? hash_fold_bytes(digest, text, strlen(text))
                          : hash_fold64(digest, UINT64_MAX);
        } else {
            const double real = field->type == ROW_REAL ? row_real(row, field) : 0;
            const bool null = field->type == ROW_REAL && isnan(real);
            digest = hash_fold64(digest, null ? UINT64_MAX : (uint64_t)row_int(row, field));
        }
    }
    return digest;
}

/* SPDX-License-Identifier: MIT */
/* Equality of rows: what must agree on every device, and in words what differs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "inject/store/row.h"

/* Bytes shown of a text, and how many of them before the difference. */
enum { SHOWN = 40, SHOWN_BEFORE = 12 };

/* Where two texts first differ, at the start of a UTF-8 character. */
static size_t parting(const char *a, const char *b)
{
    size_t at = 0;

    while (a[at] && a[at] == b[at])
        at++;
    while (at > 0 && ((unsigned char)a[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Moves `at` back or on to the next start of a character. */
static size_t whole(const char *text, size_t at)
{
    while (((unsigned char)text[at] & 0xc0) == 0x80)
        at++;
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

static void put_value(char *out, size_t size, const struct field *field, struct field_value value)
{
    if (field_is_null(field, value))
        snprintf(out, size, "null");
    else if (field_kind(field) == FIELD_KIND_REAL)
        snprintf(out, size, "%.17g", value.real);
    else
        snprintf(out, size, "%" PRId64, value.number);
}

static void describe(struct row_difference *out, const struct row *a, const struct row *b)
{
    const struct field_value u = field_get(out->field, a), v = field_get(out->field, b);
    char x[96], y[96];

    if (field_kind(out->field) == FIELD_KIND_TEXT) {
        const size_t at = u.text && v.text ? parting(u.text, v.text) : 0;
        put_text(x, sizeof(x), u.text, at);
        put_text(y, sizeof(y), v.text, at);
    } else {
        put_value(x, sizeof(x), out->field, u);
        put_value(y, sizeof(y), out->field, v);
    }
    snprintf(out->text, sizeof(out->text), "%s: %s against %s", out->field->name, x, y);
}

bool row_compare(const struct row *a, const struct row *b, struct row_difference *out)
{
    *out = (struct row_difference){0};
    for (size_t i = 0; i < row_table.count; i++) {
        const struct field *field = &row_table.field[i];
        if (field->level < FIELD_RUN && !field_same(field, a, b)) {
            out->field = field;
            describe(out, a, b);
            return false;
        }
    }
    return true;
}

uint64_t row_digest(const struct row *row)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < row_table.count; i++) {
        const struct field *field = &row_table.field[i];
        const struct field_value value = field_get(field, row);
        uint64_t bits = (uint64_t)value.number;
        if (field->level == FIELD_RUN)
            continue;
        if (field_kind(field) == FIELD_KIND_REAL)
            memcpy(&bits, &value.real, sizeof(bits));
        digest = field_is_null(field, value) ? hash_fold64(digest, UINT64_MAX)
                 : value.text ? hash_fold_bytes(digest, value.text, strlen(value.text))
                              : hash_fold64(digest, bits);
    }
    return digest;
}

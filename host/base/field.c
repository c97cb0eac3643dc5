/* SPDX-License-Identifier: MIT */
/* Members of described structs read, written, compared, copied; and whole structs as bytes.
 *
 * u64 length of all, u64 sum of what follows, then the fields in order, in the machine's byte
 * order: 8 bytes per number; for a text u64 length and its bytes, UINT64_MAX for null. */
#include "base/field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

enum { HEAD = 2 * sizeof(uint64_t) };

/* No struct is longer: a broken length must not make the reader wait forever. */
#define FIELD_PACK_MAX (UINT64_C(64) << 20)

enum field_kind field_kind(const struct field *field)
{
    if (field->type >= FIELD_TEXT)
        return FIELD_KIND_TEXT;
    return field->type >= FIELD_REAL ? FIELD_KIND_REAL : FIELD_KIND_NUMBER;
}

struct field_value field_get(const struct field *field, const void *from)
{
    const char *place = (const char *)from + field->offset;
    struct field_value value = {.real = NAN};
    uint32_t u32;
    bool flag;
    if (field->type == FIELD_U32 || field->type == FIELD_INDEX) {
        memcpy(&u32, place, sizeof(u32));
        value.number = field->type == FIELD_INDEX && u32 == UINT32_MAX ? FIELD_NULL : u32;
    } else if (field->type == FIELD_BOOL) {
        memcpy(&flag, place, sizeof(flag));
        value.number = flag;
    } else if (field_kind(field) == FIELD_KIND_NUMBER) {
        memcpy(&value.number, place, sizeof(value.number));
    } else if (field_kind(field) == FIELD_KIND_REAL) {
        memcpy(&value.real, place, sizeof(value.real));
    } else {
        memcpy(&value.text, place, sizeof(value.text));
    }
    return value;
}

void field_set(const struct field *field, void *to, struct field_value value)
{
    char *place = (char *)to + field->offset;
    const uint32_t u32 = value.number == FIELD_NULL ? UINT32_MAX : (uint32_t)value.number;
    const bool flag = value.number != 0;
    if (field->type == FIELD_U32 || field->type == FIELD_INDEX)
        memcpy(place, &u32, sizeof(u32));
    else if (field->type == FIELD_BOOL)
        memcpy(place, &flag, sizeof(flag));
    else if (field_kind(field) == FIELD_KIND_NUMBER)
        memcpy(place, &value.number, sizeof(value.number));
    else if (field_kind(field) == FIELD_KIND_REAL)
        memcpy(place, &value.real, sizeof(value.real));
    else
        memcpy(place, &value.text, sizeof(value.text));
}

bool field_is_null(const struct field *field, struct field_value value)
{
    if (field_kind(field) == FIELD_KIND_TEXT)
        return !value.text;
    if (field_kind(field) == FIELD_KIND_REAL)
        return isnan(value.real);
    return field->type != FIELD_U64 && value.number == FIELD_NULL;
}

bool field_same(const struct field *field, const void *a, const void *b)
{
    const struct field_value x = field_get(field, a), y = field_get(field, b);
    const bool same_real =
        memcmp(&x.real, &y.real, sizeof(x.real)) == 0 || (isnan(x.real) && isnan(y.real));
    const bool same_text = x.text && y.text ? strcmp(x.text, y.text) == 0 : x.text == y.text;
    return x.number == y.number && same_real && same_text;
}

const struct field *field_difference(const struct field_table *table, const void *a, const void *b)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!field_same(&table->field[i], a, b))
            return &table->field[i];
    }
    return NULL;
}

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

static void describe_text(char *out, size_t size, const char *text, size_t at)
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

static void describe_value(char *out, size_t size, const struct field *field,
                           struct field_value value)
{
    if (field_is_null(field, value))
        snprintf(out, size, "null");
    else if (field_kind(field) == FIELD_KIND_REAL)
        snprintf(out, size, "%.17g", value.real);
    else
        snprintf(out, size, "%" PRId64, value.number);
}

void field_describe_difference(char out[FIELD_DIFFERENCE_TEXT], const struct field *field,
                               const void *a, const void *b)
{
    const struct field_value u = field_get(field, a), v = field_get(field, b);
    char x[96], y[96];

    if (field_kind(field) == FIELD_KIND_TEXT) {
        const size_t at = u.text && v.text ? parting(u.text, v.text) : 0;
        describe_text(x, sizeof(x), u.text, at);
        describe_text(y, sizeof(y), v.text, at);
    } else {
        describe_value(x, sizeof(x), field, u);
        describe_value(y, sizeof(y), field, v);
    }
    snprintf(out, FIELD_DIFFERENCE_TEXT, "%s: %s against %s", field->name, x, y);
}

enum status field_copy_texts(const struct field_table *table, void *in, struct arena *arena)
{
    for (size_t i = 0; i < table->count; i++) {
        struct field_value value = field_get(&table->field[i], in);
        if (!value.text)
            continue;
        value.text = arena_text(arena, value.text, strlen(value.text));
        if (!value.text)
            return STATUS_MEMORY;
        field_set(&table->field[i], in, value);
    }
    return STATUS_OK;
}

static void put_text(struct text *out, const char *text)
{
    const uint64_t size = text ? strlen(text) : UINT64_MAX;
    text_add(out, (const char *)&size, sizeof(size));
    if (text)
        text_add(out, text, size);
}

void field_pack(struct text *out, const struct field_table *table, const void *from)
{
    const size_t start = out->size;
    const char empty[HEAD] = {0};
    text_add(out, empty, HEAD);
    for (size_t i = 0; i < table->count; i++) {
        const struct field_value value = field_get(&table->field[i], from);
        const enum field_kind kind = field_kind(&table->field[i]);
        if (kind == FIELD_KIND_TEXT)
            put_text(out, value.text);
        else if (kind == FIELD_KIND_REAL)
            text_add(out, (const char *)&value.real, sizeof(value.real));
        else
            text_add(out, (const char *)&value.number, sizeof(value.number));
    }
    if (out->st)
        return;
    const uint64_t size = out->size - start;
    if (size > FIELD_PACK_MAX) {
        log_error("packed %s: found %" PRIu64 " bytes, expected at most %" PRIu64, table->name,
                  size, FIELD_PACK_MAX);
        text_take(out, STATUS_INTERNAL);
        return;
    }
    const uint64_t head[2] = {size, hash_fold_bytes(0, out->data + start + HEAD, size - HEAD)};
    memcpy(out->data + start, head, HEAD);
}

static enum status broken(const struct field_table *table, const char *what)
{
    log_error("packed %s: found %s, expected one of this build", table->name, what);
    return STATUS_INTERNAL;
}

static bool take(struct field_bytes *bytes, void *out, size_t size)
{
    if (bytes->left < size)
        return false;
    memcpy(out, bytes->at, size);
    bytes->at += size;
    bytes->left -= size;
    return true;
}

static enum status take_text(const struct field_table *table, const char **out,
                             struct field_bytes *bytes, struct arena *arena)
{
    uint64_t size;
    if (!take(bytes, &size, sizeof(size)))
        return broken(table, "fields that end early");
    if (size == UINT64_MAX)
        return STATUS_OK;
    if (size > bytes->left)
        return broken(table, "a text that ends early");
    if (memchr(bytes->at, '\0', size))
        return broken(table, "a null byte in a text");
    *out = arena_text(arena, bytes->at, size);
    bytes->at += size;
    bytes->left -= size;
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static bool fits(const struct field *field, int64_t number)
{
    const bool index = number == FIELD_NULL || (number >= 0 && number < UINT32_MAX);
    return (field->type != FIELD_U32 || (number >= 0 && number <= UINT32_MAX)) &&
           (field->type != FIELD_INDEX || index) &&
           (field->type != FIELD_BOOL || number == 0 || number == 1);
}

static enum status take_fields(const struct field_table *table, void *out,
                               struct field_bytes *bytes, struct arena *arena)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < table->count; i++) {
        const struct field *field = &table->field[i];
        const enum field_kind kind = field_kind(field);
        struct field_value value = {0};
        void *number = kind == FIELD_KIND_REAL ? (void *)&value.real : &value.number;
        if (kind == FIELD_KIND_TEXT)
            st = take_text(table, &value.text, bytes, arena);
        else if (!take(bytes, number, sizeof(uint64_t)))
            st = broken(table, "fields that end early");
        else if (!fits(field, value.number))
            st = broken(table, "a number beyond its type");
        field_set(field, out, value);
    }
    return st || bytes->left == 0 ? st : broken(table, "bytes after the last field");
}

enum status field_unpack(const struct field_table *table, void *out, struct arena *arena,
                         struct field_bytes *bytes, bool *out_whole)
{
    uint64_t head[2];
    *out_whole = false;
    if (bytes->left < HEAD)
        return STATUS_OK;
    memcpy(head, bytes->at, HEAD);
    if (head[0] < HEAD || head[0] > FIELD_PACK_MAX)
        return broken(table, "an impossible length");
    if (bytes->left < head[0])
        return STATUS_OK;
    struct field_bytes body = {bytes->at + HEAD, head[0] - HEAD};
    if (hash_fold_bytes(0, body.at, body.left) != head[1])
        return broken(table, "bytes that do not give their sum");
    const enum status st = take_fields(table, out, &body, arena);
    if (!st) {
        bytes->at = body.at;
        bytes->left -= head[0];
        *out_whole = true;
    }
    return st;
}

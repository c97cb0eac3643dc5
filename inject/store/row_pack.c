/* SPDX-License-Identifier: MIT */
/* Rows as bytes between processes: whole, cut short or broken, and told apart.
 *
 * u64 length of all, u64 sum of what follows, then the fields in order, in the machine's byte
 * order: 8 bytes a number; u64 length and the bytes of a text, UINT64_MAX for null. */
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/store/row.h"

enum { HEAD = 2 * sizeof(uint64_t) };

/* No row is longer: a broken length must not make the reader wait for ever. */
#define ROW_PACK_MAX (UINT64_C(64) << 20)

static enum status put_text(struct text *out, const char *text)
{
    const uint64_t size = text ? strlen(text) : UINT64_MAX;
    const enum status st = text_add(out, (const char *)&size, sizeof(size));

    return st == STATUS_OK && text ? text_add(out, text, size) : st;
}

enum status row_pack(struct text *out, const struct row *row)
{
    const size_t begin = out->size;
    const char empty[HEAD] = {0};
    enum status st = text_add(out, empty, HEAD);

    for (size_t i = 0; i < row_field_count && st == STATUS_OK; i++) {
        const struct row_field *field = &row_fields[i];
        st = field->type == ROW_TEXT
                 ? put_text(out, row_text(row, field))
                 : text_add(out, (const char *)row + field->offset, sizeof(uint64_t));
    }
    if (st != STATUS_OK) {
        return st;
    }
    const uint64_t size = out->size - begin;
    if (size > ROW_PACK_MAX) {
        log_error("packed row: found %llu bytes, expected at most %llu", (unsigned long long)size,
                  (unsigned long long)ROW_PACK_MAX);
        return STATUS_INTERNAL;
    }
    const uint64_t head[2] = {size, hash_fold_bytes(0, out->data + begin + HEAD, size - HEAD)};
    memcpy(out->data + begin, head, HEAD);
    return STATUS_OK;
}

static enum status broken(const char *what)
{
    log_error("packed row: found %s, expected a row of this build", what);
    return STATUS_INTERNAL;
}

/* What is left of the bytes. */
struct reader {
    const char *at;
    size_t left;
};

static bool take(struct reader *reader, void *out, size_t size)
{
    if (reader->left < size) {
        return false;
    }
    memcpy(out, reader->at, size);
    reader->at += size;
    reader->left -= size;
    return true;
}

static enum status take_text(struct reader *reader, struct arena *arena, const char **out)
{
    uint64_t size;

    *out = NULL;
    if (!take(reader, &size, sizeof(size))) {
        return broken("fields that end early");
    }
    if (size == UINT64_MAX) {
        return STATUS_OK;
    }
    if (size > reader->left) {
        return broken("a text that ends early");
    }
    if (memchr(reader->at, '\0', size)) {
        return broken("a null byte in a text");
    }
    *out = arena_text(arena, reader->at, size);
    reader->at += size;
    reader->left -= size;
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static enum status take_fields(struct row *out, struct reader *reader, struct arena *arena)
{
    for (size_t i = 0; i < row_field_count; i++) {
        char *place = (char *)out + row_fields[i].offset;
        if (row_fields[i].type != ROW_TEXT) {
            if (!take(reader, place, sizeof(uint64_t))) {
                return broken("fields that end early");
            }
            continue;
        }
        const char *text;
        const enum status st = take_text(reader, arena, &text);
        if (st != STATUS_OK) {
            return st;
        }
        memcpy(place, &text, sizeof(text));
    }
    return reader->left == 0 ? STATUS_OK : broken("bytes behind the last field");
}

enum status row_unpack(struct row *out, struct arena *arena, const void *data, size_t size,
                       size_t *out_used)
{
    uint64_t head[2];

    *out_used = 0;
    row_init(out);
    if (size < sizeof(*head)) {
        return STATUS_OK;
    }
    memcpy(head, data, sizeof(*head));
    if (head[0] < HEAD || head[0] > ROW_PACK_MAX) {
        return broken("an impossible length");
    }
    if (size < head[0]) {
        return STATUS_OK;
    }
    memcpy(head, data, HEAD);
    struct reader reader = {.at = (const char *)data + HEAD, .left = head[0] - HEAD};
    if (hash_fold_bytes(0, reader.at, reader.left) != head[1]) {
        return broken("bytes that do not give their sum");
    }
    const enum status st = take_fields(out, &reader, arena);
    if (st == STATUS_OK) {
        *out_used = head[0];
    }
    return st;
}

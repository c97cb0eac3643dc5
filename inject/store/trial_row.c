/* SPDX-License-Identifier: MIT */
/* The fields of a row as data, and what of them must agree on every device. */
#include "inject/store/trial_row.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_scan.h"
#include "base/log.h"
#include "base/text.h"

#define ENTRY(type, name, level, since, unit, what)                                                \
    {#name, FIELD_##type, offsetof(struct STRUCT, name), FIELD_##level, since, unit, what},
#define STRUCT trial_row
static const struct field FIELDS[] = {TRIAL_ROW_FIELDS(ENTRY)};
#undef STRUCT
#define STRUCT trial_row_joined
static const struct field JOINED[] = {TRIAL_ROW_JOINED(ENTRY)};
#undef STRUCT

const struct field_table trial_row_table = FIELD_TABLE("trial", trial_row, FIELDS);
const struct field_table trial_row_joined_table = FIELD_TABLE("joined", trial_row_joined, JOINED);

void trial_row_init(struct trial_row *row)
{
    const struct field_value null = {FIELD_NULL, NAN, NULL};
    for (size_t i = 0; i < trial_row_table.count; i++)
        field_set(&trial_row_table.field[i], row, null);
}

enum status trial_row_check(const struct trial_row *row)
{
    for (size_t i = 0; i < trial_row_table.count; i++) {
        const struct field *field = &trial_row_table.field[i];
        const char *text = field_get(field, row).text;
        const size_t size = text ? strlen(text) : 0;
        for (size_t at = 0; at < size;) {
            size_t len = json_scan_utf8(text + at, size - at);
            if (strncmp(text + at, TEXT_NUL, 2) == 0)
                len = 2;
            if (len == 0) {
                log_error("trial %" PRId64 ": found byte %zu of field %s to be no UTF-8, expected "
                          "text",
                          row->trial, at, field->name);
                return STATUS_INTERNAL;
            }
            at += len;
        }
    }
    return STATUS_OK;
}

bool trial_row_compare(const struct trial_row *a, const struct trial_row *b,
                       struct trial_row_difference *out)
{
    *out = (struct trial_row_difference){0};
    for (size_t i = 0; i < trial_row_table.count; i++) {
        const struct field *field = &trial_row_table.field[i];
        if (field->level < FIELD_RUN && !field_same(field, a, b)) {
            out->field = field;
            field_describe_difference(out->text, field, a, b);
            return false;
        }
    }
    return true;
}

uint64_t trial_row_digest(const struct trial_row *row)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < trial_row_table.count; i++) {
        const struct field *field = &trial_row_table.field[i];
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

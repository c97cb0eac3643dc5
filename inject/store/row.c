/* SPDX-License-Identifier: MIT */
/* The fields of a row as data. */
#include "inject/store/row.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/log.h"
#include "base/text.h"

#define ENTRY(type, name, level, since, unit, what)                                                \
    {#name, FIELD_##type, offsetof(struct STRUCT, name), FIELD_##level, since, unit, what},
#define STRUCT row
static const struct field FIELDS[] = {ROW_FIELDS(ENTRY)};
#undef STRUCT
#define STRUCT row_joined
static const struct field JOINED[] = {ROW_JOINED(ENTRY)};
#undef STRUCT
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const struct field_table row_table = {"trial", FIELDS, COUNT(FIELDS), sizeof(struct row)};
const struct field_table row_joined_table = {"joined", JOINED, COUNT(JOINED),
                                             sizeof(struct row_joined)};

void row_init(struct row *row)
{
    const struct field_value null = {FIELD_NULL, NAN, NULL};
    for (size_t i = 0; i < row_table.count; i++)
        field_set(&row_table.field[i], row, null);
}

enum status row_check(const struct row *row)
{
    for (size_t i = 0; i < row_table.count; i++) {
        const struct field *field = &row_table.field[i];
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

/* SPDX-License-Identifier: MIT */
/* The fields of a row as data. */
#include "inject/store/row.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/log.h"
#include "base/text.h"

#define ROW_SAME true
#define ROW_FREE false
#define ROW_ENTRY(type, name, same, since, unit, what)                                             \
    {#name, unit, what, ROW_##type, since, ROW_##same, offsetof(struct row, name)},
const struct row_field row_fields[] = {ROW_FIELDS(ROW_ENTRY)};
#undef ROW_ENTRY

const size_t row_field_count = sizeof(row_fields) / sizeof(*row_fields);

void row_init(struct row *row)
{
    char *bytes = (char *)row;

    for (size_t i = 0; i < row_field_count; i++) {
        const int64_t no_int = ROW_NULL;
        const double no_real = NAN;
        const char *no_text = NULL;
        switch (row_fields[i].type) {
        case ROW_INT:
            memcpy(bytes + row_fields[i].offset, &no_int, sizeof(no_int));
            break;
        case ROW_REAL:
            memcpy(bytes + row_fields[i].offset, &no_real, sizeof(no_real));
            break;
        case ROW_TEXT:
            memcpy(bytes + row_fields[i].offset, &no_text, sizeof(no_text));
            break;
        }
    }
}

int64_t row_int(const struct row *row, const struct row_field *field)
{
    int64_t value;

    memcpy(&value, (const char *)row + field->offset, sizeof(value));
    return value;
}

double row_real(const struct row *row, const struct row_field *field)
{
    double value;

    memcpy(&value, (const char *)row + field->offset, sizeof(value));
    return value;
}

const char *row_text(const struct row *row, const struct row_field *field)
{
    const char *value;

    memcpy(&value, (const char *)row + field->offset, sizeof(value));
    return value;
}

enum status row_check(const struct row *row)
{
    for (size_t i = 0; i < row_field_count; i++) {
        const struct row_field *field = &row_fields[i];
        const char *text = field->type == ROW_TEXT ? row_text(row, field) : NULL;
        const size_t size = text ? strlen(text) : 0;
        for (size_t at = 0; at < size;) {
            size_t len = json_scan_utf8(text + at, size - at);
            if (strncmp(text + at, TEXT_NUL, 2) == 0) {
                len = 2;
            }
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

/* SPDX-License-Identifier: MIT */
/* Rows as CSV and JSON lines. */
#include "inject/store/store_export.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "inject/store/store_rows.h"

static void put_csv_text(FILE *out, const char *text)
{
    if (text[0] && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_csv_real(FILE *out, double value)
{
    struct json_writer w;

    if (isinf(value)) {
        fputs(value > 0 ? "Infinity" : "-Infinity", out);
    } else {
        json_begin(&w, out, false);
        json_put_number(&w, value);
    }
}

static void put_csv(FILE *out, const struct row *row)
{
    for (size_t i = 0; i < row_field_count; i++) {
        const struct row_field *field = &row_fields[i];
        if (i > 0) {
            fputc(',', out);
        }
        if (field->type == ROW_TEXT) {
            if (row_text(row, field)) {
                put_csv_text(out, row_text(row, field));
            }
        } else if (field->type == ROW_REAL) {
            if (!isnan(row_real(row, field))) {
                put_csv_real(out, row_real(row, field));
            }
        } else if (row_int(row, field) != ROW_NULL) {
            fprintf(out, "%" PRId64, row_int(row, field));
        }
    }
    fputs("\r\n", out);
}

static void put_csv_names(FILE *out)
{
    for (size_t i = 0; i < row_field_count; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", row_fields[i].name);
    }
    fputs("\r\n", out);
}

static void put_json_value(struct json_writer *w, const struct row *row,
                           const struct row_field *field)
{
    if (field->type == ROW_TEXT && row_text(row, field)) {
        json_put_text(w, row_text(row, field));
    } else if (field->type == ROW_REAL && !isnan(row_real(row, field))) {
        json_put_number(w, row_real(row, field));
    } else if (field->type == ROW_INT && row_int(row, field) != ROW_NULL) {
        json_put_int(w, row_int(row, field));
    } else {
        json_put_null(w);
    }
}

static void put_json(FILE *out, const struct row *row)
{
    struct json_writer w;

    json_begin(&w, out, false);
    json_object_open(&w);
    for (size_t i = 0; i < row_field_count; i++) {
        json_put_key(&w, row_fields[i].name);
        put_json_value(&w, row, &row_fields[i]);
    }
    json_object_close(&w);
    fputc('\n', out);
}

struct sink {
    FILE *out;
    enum store_export_format format;
};

static enum status put_row(void *user, const struct row *row)
{
    const struct sink *sink = user;

    errno = 0;
    if (sink->format == STORE_EXPORT_CSV) {
        put_csv(sink->out, row);
    } else {
        put_json(sink->out, row);
    }
    if (ferror(sink->out)) {
        log_error("export: cannot write: %s", errno ? strerror(errno) : "an earlier write failed");
        return STATUS_IO;
    }
    return STATUS_OK;
}

enum status store_export(const struct store *store, enum store_export_format format, FILE *out)
{
    struct sink sink = {.out = out, .format = format};
    const enum status st = store_rows_check(store);

    if (st == STATUS_OK && format == STORE_EXPORT_CSV) {
        put_csv_names(out);
    }
    return st == STATUS_OK ? store_each_row(store, put_row, &sink) : st;
}

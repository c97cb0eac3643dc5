/* SPDX-License-Identifier: MIT */
/* Rows as CSV and JSON lines. */
#include "inject/store/store_export.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/fpenv.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "inject/store/store_fields.h"
#include "inject/store/store_rows.h"

#define CSV_NUL                                                                                    \
    "\xE2\x90\x80" /* U+2400: readers of CSV end a text at a null; JSON lines have it              \
                    */

static void put_csv_text(FILE *out, const char *text)
{
    if (text[0] && !strpbrk(text, ",\"\r\n\xC0")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (strncmp(text, TEXT_NUL, 2) == 0) {
            fputs(CSV_NUL, out);
            text++;
            continue;
        }
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

struct sink {
    const struct store *store;
    FILE *out;
    enum store_export_format format;
    const struct store_stratum *stratum;
    const struct store_item *item;
    const struct store_device *device;
    uint32_t n_strata, n_items, n_devices;
};

/* A row and what it names by number; faults 1, 2, ... in `further`. */
struct line {
    const struct row *row;
    const char *joined[STORE_JOINED_COUNT];
    const struct store_fault *further;
    uint32_t n_further;
};

static const struct store_item *item_of(const struct sink *sink, int64_t id)
{
    for (uint32_t i = 0; i < sink->n_items; i++) {
        if (sink->item[i].id == id) {
            return &sink->item[i];
        }
    }
    return NULL;
}

static const char *label_of(const struct sink *sink, int64_t id)
{
    for (uint32_t i = 0; i < sink->n_strata; i++) {
        if (sink->stratum[i].id == id) {
            return sink->stratum[i].label;
        }
    }
    return NULL;
}

/* The row's own faults from `arena`. */
static enum status line_make(struct line *out, struct arena *arena, const struct sink *sink,
                             const struct row *row)
{
    const struct store_item *item = item_of(sink, row->item);
    const bool ran = row->device >= 0 && row->device < sink->n_devices;
    struct store_fault *further = NULL;
    enum status st = STATUS_OK;

    *out = (struct line){.row = row};
    out->joined[STORE_JOINED_LABEL] = label_of(sink, row->stratum);
    out->joined[STORE_JOINED_PROMPT] = item ? item->prompt : NULL;
    out->joined[STORE_JOINED_GROUP] = item ? item->prompt_group : NULL;
    out->joined[STORE_JOINED_GOLDEN] = item ? item->text : NULL;
    out->joined[STORE_JOINED_DEVICE] = ran ? sink->device[row->device].name : NULL;
    if (row->n_faults > 1) {
        st = store_read_faults(sink->store, (uint64_t)row->trial, arena, &further, &out->n_further);
        out->further = further;
    }
    return st;
}

/* The database leaves out a faulty text that is golden's. */
static const char *text_of(const struct line *line, const struct store_field *field)
{
    const struct row *row = line->row;

    if (!field->row) {
        return line->joined[field->joined];
    }
    const char *text = row_text(row, field->row);
    const bool golden = field->row->offset == offsetof(struct row, faulty_text) &&
                        row->first_diff == ROW_NULL && row->faulty_len == row->golden_len &&
                        row->golden_len != ROW_NULL;
    return !text && golden ? line->joined[STORE_JOINED_GOLDEN] : text;
}

/* What is null is written by its caller. */
static bool is_null(const struct line *line, const struct store_field *field)
{
    if (field->form == STORE_FORM_WORDS || field->form == STORE_FORM_DEVIATION) {
        return false; /* an empty list */
    }
    if (!field->row || field->row->type == ROW_TEXT) {
        return !text_of(line, field);
    }
    if (field->form == STORE_FORM_FLOAT) {
        const bool before = field->row->offset == offsetof(struct row, before_value);
        return (before ? line->row->before : line->row->after) == ROW_NULL; /* else NaN is NaN */
    }
    return field->row->type == ROW_REAL ? isnan(row_real(line->row, field->row))
                                        : row_int(line->row, field->row) == ROW_NULL;
}

/* Values of floats as floats: what is struck has 32 bits at most. */
static void put_float(struct json_writer *w, const struct row *row, double value)
{
    const bool integer = row->place && strcmp(row->place, "control") == 0;
    const float narrow = fpenv_narrow(value);
    const double wide = fpenv_widen(narrow);

    if (isnan(value) || (!integer && memcmp(&wide, &value, sizeof(wide)) == 0)) {
        json_put_float(w, narrow);
    } else {
        json_put_number(w, value);
    }
}

/* Digits as many as the struck bits need. */
static void put_bits(char out[24], const struct row *row, int64_t bits)
{
    const int digits = row->width > 0 && row->width <= 64 ? (int)((row->width + 3) / 4) : 1;

    snprintf(out, 24, "0x%0*" PRIx64, digits, (uint64_t)bits);
}

/* "a+b" as a list. */
static void put_words(struct json_writer *w, const char *text)
{
    json_array_open(w);
    while (text) {
        const char *end = strchr(text, '+');
        json_put_text_n(w, text, end ? (size_t)(end - text) : strlen(text));
        text = end ? end + 1 : NULL;
    }
    json_array_close(w);
}

/* Lists of three numbers as objects with the names that a record has. */
static void put_layers(struct json_writer *w, const struct json *layers)
{
    static const char *const names[] = {"max_abs", "rel_l2", "bits"};

    json_array_open(w);
    for (size_t i = 0; i < json_count(layers); i++) {
        json_object_open(w);
        json_member_int(w, "layer", (int64_t)i);
        for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
            json_put_key(w, names[k]);
            json_put_value(w, json_at(json_at(layers, i), k));
        }
        json_object_close(w);
    }
    json_array_close(w);
}

/* A text of the database that is JSON. */
static enum status put_stored(struct json_writer *w, const char *text, bool layers)
{
    struct json_doc *doc = NULL;
    const enum status st =
        json_parse(&doc, text ? text : "[]", text ? strlen(text) : 2, "a value of the database");

    if (st == STATUS_OK && layers) {
        put_layers(w, json_root(doc));
    } else if (st == STATUS_OK) {
        json_put_value(w, json_root(doc));
    }
    json_destroy(&doc);
    return st;
}

static enum status put_fault(struct json_writer *w, const struct line *line)
{
    enum status st = STATUS_OK;

    if (line->n_further > 0) {
        json_array_open(w);
    }
    st = put_stored(w, line->row->fault, false);
    for (uint32_t i = 0; i < line->n_further && st == STATUS_OK; i++) {
        st = put_stored(w, line->further[i].json, false);
    }
    if (line->n_further > 0) {
        json_array_close(w);
    }
    return st;
}

static enum status put_value(struct json_writer *w, const struct line *line,
                             const struct store_field *field)
{
    char bits[24];

    if (is_null(line, field)) {
        json_put_null(w);
        return STATUS_OK;
    }
    switch (field->form) {
    case STORE_FORM_INTEGER:
        json_put_int(w, row_int(line->row, field->row));
        break;
    case STORE_FORM_REAL:
        json_put_number(w, row_real(line->row, field->row));
        break;
    case STORE_FORM_FLOAT:
        put_float(w, line->row, row_real(line->row, field->row));
        break;
    case STORE_FORM_TEXT:
        json_put_text(w, text_of(line, field));
        break;
    case STORE_FORM_BITS:
        put_bits(bits, line->row, row_int(line->row, field->row));
        json_put_text(w, bits);
        break;
    case STORE_FORM_WORDS:
        put_words(w, text_of(line, field));
        break;
    case STORE_FORM_DEVIATION:
        return put_stored(w, text_of(line, field), true);
    case STORE_FORM_FAULT:
        return put_fault(w, line);
    }
    return STATUS_OK;
}

/* The value as JSON has it, quoted as CSV has texts. */
static enum status put_csv_json(FILE *out, const struct line *line, const struct store_field *field)
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer w;
    FILE *file = open_memstream(&text, &size);

    if (!file) {
        log_error("out of host memory for a field of the export");
        return STATUS_MEMORY;
    }
    json_begin(&w, file, false);
    enum status st = put_value(&w, line, field);
    if (fclose(file) != 0 && st == STATUS_OK) {
        log_error("out of host memory for a field of the export");
        st = STATUS_MEMORY;
    }
    if (st == STATUS_OK) {
        put_csv_text(out, text);
    }
    free(text);
    return st;
}

static enum status put_csv_value(FILE *out, const struct line *line,
                                 const struct store_field *field)
{
    struct json_writer w;
    char bits[24];

    if (is_null(line, field)) {
        return STATUS_OK;
    }
    if (field->form == STORE_FORM_TEXT) {
        put_csv_text(out, text_of(line, field));
        return STATUS_OK;
    }
    if (field->form == STORE_FORM_BITS) {
        put_bits(bits, line->row, row_int(line->row, field->row));
        fputs(bits, out);
        return STATUS_OK;
    }
    if (field->form > STORE_FORM_BITS) {
        return put_csv_json(out, line, field);
    }
    if (field->row->type == ROW_REAL && !isfinite(row_real(line->row, field->row))) {
        const double value = row_real(line->row, field->row);
        fputs(isnan(value) ? "" : value > 0 ? "Infinity" : "-Infinity", out);
        return STATUS_OK; /* readers of CSV take an empty field for NaN */
    }
    json_begin(&w, out, false);
    return put_value(&w, line, field);
}

static enum status put_csv(const struct sink *sink, const struct line *line)
{
    enum status st = STATUS_OK;

    for (size_t i = 0; i < store_fields_count() && st == STATUS_OK; i++) {
        const struct store_field field = store_fields_at(i);
        if (i > 0) {
            fputc(',', sink->out);
        }
        st = put_csv_value(sink->out, line, &field);
    }
    fputs("\r\n", sink->out);
    return st;
}

static void put_csv_names(FILE *out)
{
    for (size_t i = 0; i < store_fields_count(); i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", store_fields_at(i).name);
    }
    fputs("\r\n", out);
}

static enum status put_json(const struct sink *sink, const struct line *line)
{
    enum status st = STATUS_OK;
    struct json_writer w;

    json_begin(&w, sink->out, false);
    json_object_open(&w);
    for (size_t i = 0; i < store_fields_count() && st == STATUS_OK; i++) {
        const struct store_field field = store_fields_at(i);
        json_put_key(&w, field.name);
        st = put_value(&w, line, &field);
    }
    json_object_close(&w);
    fputc('\n', sink->out);
    return st;
}

static enum status check_written(FILE *out)
{
    if (ferror(out)) {
        errno = 0; /* numbers were written since: once more, for the reason */
        fflush(out);
        const int error = errno;
        file_check_reader(out);
        errno = error;
        log_error("export: cannot write: %s", errno ? strerror(errno) : "an earlier write failed");
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status put_row(void *user, const struct row *row)
{
    const struct sink *sink = user;
    struct arena arena = {0};
    struct line line;

    errno = 0;
    enum status st = line_make(&line, &arena, sink, row);
    if (st == STATUS_OK) {
        st = sink->format == STORE_EXPORT_CSV ? put_csv(sink, &line) : put_json(sink, &line);
    }
    arena_finish(&arena);
    return st == STATUS_OK ? check_written(sink->out) : st;
}

static void put_one_fault(FILE *out, int64_t trial, uint32_t number, const char *json)
{
    fprintf(out, "%" PRId64 ",%" PRIu32 ",", trial, number);
    put_csv_text(out, json);
    fputs("\r\n", out);
}

static enum status put_faults(void *user, const struct row *row)
{
    const struct sink *sink = user;
    struct arena arena = {0};
    struct line line;

    errno = 0;
    const enum status st = line_make(&line, &arena, sink, row);
    if (st == STATUS_OK && row->fault) {
        put_one_fault(sink->out, row->trial, 0, row->fault);
    }
    for (uint32_t i = 0; st == STATUS_OK && i < line.n_further; i++) {
        put_one_fault(sink->out, row->trial, line.further[i].index, line.further[i].json);
    }
    arena_finish(&arena);
    return st == STATUS_OK ? check_written(sink->out) : st;
}

enum status store_export_faults(const struct store *store, FILE *out)
{
    struct sink sink = {.store = store, .out = out};

    fputs("trial,number,fault\r\n", out);
    return store_each_row(store, put_faults, &sink);
}

enum status store_export(const struct store *store, enum store_export_format format, FILE *out)
{
    struct arena arena = {0};
    struct store_stratum *strata = NULL;
    struct store_item *items = NULL;
    struct store_device *devices = NULL;
    struct sink sink = {.store = store, .out = out, .format = format};
    enum status st = store_rows_check(store);

    if (st == STATUS_OK) {
        st = store_read_strata(store, &arena, &strata, &sink.n_strata);
    }
    if (st == STATUS_OK) {
        st = store_read_items(store, &arena, &items, &sink.n_items);
    }
    if (st == STATUS_OK) {
        st = store_read_devices(store, &arena, &devices, &sink.n_devices);
    }
    sink.stratum = strata;
    sink.item = items;
    sink.device = devices;
    if (st == STATUS_OK && format == STORE_EXPORT_CSV) {
        put_csv_names(out);
    }
    if (st == STATUS_OK) {
        st = store_each_row(store, put_row, &sink);
    }
    arena_finish(&arena);
    return st;
}

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

/* What a row names by number, so that an export stands alone. */
const struct store_export_joined store_export_joined[STORE_EXPORT_JOINED] = {
    {"stratum_label", "label of the stratum, such as \"layer=3 bit_field=sign\""},
    {"prompt", "text of the item's prompt; null: given as token ids"},
    {"golden_text", "of the item's golden run"},
    {"device_name", "of the device that ran the trial; may differ like `device`"},
};

struct sink {
    const struct store *store;
    FILE *out;
    enum store_export_format format;
    const struct store_stratum *stratum;
    const struct store_item *item;
    const struct store_device *device;
    uint32_t n_strata, n_items, n_devices;
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

/* In the order of store_export_joined. */
static void join(const struct sink *sink, const struct row *row,
                 const char *out[STORE_EXPORT_JOINED])
{
    const struct store_item *item = item_of(sink, row->item);
    const bool ran = row->device >= 0 && row->device < sink->n_devices;

    out[0] = label_of(sink, row->stratum);
    out[1] = item ? item->prompt : NULL;
    out[2] = item ? item->text : NULL;
    out[3] = ran ? sink->device[row->device].name : NULL;
}

static void put_csv(const struct sink *sink, const struct row *row)
{
    FILE *out = sink->out;
    const char *joined[STORE_EXPORT_JOINED];

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
    join(sink, row, joined);
    for (size_t i = 0; i < STORE_EXPORT_JOINED; i++) {
        fputc(',', out);
        if (joined[i]) {
            put_csv_text(out, joined[i]);
        }
    }
    fputs("\r\n", out);
}

static void put_csv_names(FILE *out)
{
    for (size_t i = 0; i < row_field_count; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", row_fields[i].name);
    }
    for (size_t i = 0; i < STORE_EXPORT_JOINED; i++) {
        fprintf(out, ",%s", store_export_joined[i].name);
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

/* Faults 1, 2, ... as objects, each as `vkfi run --fault` takes it. */
static enum status put_further(struct json_writer *w, const struct sink *sink,
                               const struct row *row)
{
    struct arena arena = {0};
    struct store_fault *faults = NULL;
    uint32_t count = 0;
    enum status st = STATUS_OK;

    if (row->n_faults > 1) {
        st = store_read_faults(sink->store, (uint64_t)row->trial, &arena, &faults, &count);
    }
    json_put_key(w, "further_faults");
    json_array_open(w);
    for (uint32_t i = 0; i < count && st == STATUS_OK; i++) {
        struct json_doc *doc = NULL;
        st = json_parse(&doc, faults[i].json, strlen(faults[i].json), "a fault of the database");
        if (st == STATUS_OK) {
            json_put_value(w, json_root(doc));
        }
        json_destroy(&doc);
    }
    json_array_close(w);
    arena_finish(&arena);
    return st;
}

static enum status put_json(const struct sink *sink, const struct row *row)
{
    const char *joined[STORE_EXPORT_JOINED];
    FILE *out = sink->out;
    struct json_writer w;

    json_begin(&w, out, false);
    json_object_open(&w);
    for (size_t i = 0; i < row_field_count; i++) {
        json_put_key(&w, row_fields[i].name);
        put_json_value(&w, row, &row_fields[i]);
    }
    join(sink, row, joined);
    for (size_t i = 0; i < STORE_EXPORT_JOINED; i++) {
        json_member_text(&w, store_export_joined[i].name, joined[i]);
    }
    const enum status st = put_further(&w, sink, row);
    json_object_close(&w);
    fputc('\n', out);
    return st;
}

static enum status check_written(FILE *out)
{
    if (ferror(out)) {
        errno = 0; /* numbers were written since: once more, for the reason */
        fflush(out);
        log_error("export: cannot write: %s", errno ? strerror(errno) : "an earlier write failed");
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status put_row(void *user, const struct row *row)
{
    const struct sink *sink = user;

    enum status st = STATUS_OK;
    errno = 0;
    if (sink->format == STORE_EXPORT_CSV) {
        put_csv(sink, row);
    } else {
        st = put_json(sink, row);
    }
    return st == STATUS_OK ? check_written(sink->out) : st;
}

static enum status put_faults(void *user, const struct row *row)
{
    const struct sink *sink = user;
    struct arena arena = {0};
    struct store_fault *faults = NULL;
    uint32_t count = 0;
    enum status st = STATUS_OK;

    errno = 0;
    if (row->n_faults > 1) {
        st = store_read_faults(sink->store, (uint64_t)row->trial, &arena, &faults, &count);
    }
    for (uint32_t i = 0; i < count && st == STATUS_OK; i++) {
        fprintf(sink->out, "%" PRIu64 ",%" PRIu32 ",", faults[i].trial, faults[i].index);
        put_csv_text(sink->out, faults[i].json);
        fputs("\r\n", sink->out);
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

enum status store_export_describe(FILE *out)
{
    static const char *const types[] = {
        [ROW_INT] = "integer", [ROW_REAL] = "real", [ROW_TEXT] = "text"};
    struct json_writer w;

    json_begin(&w, out, true);
    json_array_open(&w);
    for (size_t i = 0; i < row_field_count + STORE_EXPORT_JOINED + 1; i++) {
        const bool own = i < row_field_count, last = i == row_field_count + STORE_EXPORT_JOINED;
        const struct store_export_joined *joined = &store_export_joined[i - row_field_count];
        json_object_open(&w);
        json_member_text(&w, "name",
                         own    ? row_fields[i].name
                         : last ? "further_faults"
                                : joined->name);
        json_member_text(&w, "type", own ? types[row_fields[i].type] : last ? "list" : "text");
        json_member_text(&w, "meaning",
                         own    ? row_fields[i].what
                         : last ? "JSON lines only: faults 1, 2, ... as vkfi run --fault takes them"
                                : joined->what);
        json_member_bool(&w, "same_when_run_again",
                         own ? row_fields[i].same
                             : last || i + 1 < row_field_count + STORE_EXPORT_JOINED);
        json_object_close(&w);
    }
    json_array_close(&w);
    return json_end(&w);
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

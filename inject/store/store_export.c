/* SPDX-License-Identifier: MIT */
/* Rows with values from other tables, as CSV and JSON lines. */
#include "inject/store/store_export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "inject/store/store_rows.h"
#include "inject/store/trial_row_view.h"

struct sink {
    const struct store *store;
    FILE *out;
    enum store_export_format format;
    struct arena arena; /* of the tables */
    struct store_stratum *stratum;
    struct store_item *item;
    struct store_device *device;
    uint32_t n_strata, n_items, n_devices;
};

static enum status read_tables(struct sink *sink)
{
    enum status st = store_read_strata(sink->store, &sink->arena, &sink->stratum, &sink->n_strata);
    if (!st)
        st = store_read_items(sink->store, &sink->arena, &sink->item, &sink->n_items);
    if (!st)
        st = store_read_devices(sink->store, &sink->arena, &sink->device, &sink->n_devices);
    return st;
}

/* The row's own faults from `arena`. */
static enum status view_row(struct trial_row_view *out, struct arena *arena,
                            const struct sink *sink, const struct trial_row *row)
{
    struct store_fault *further = NULL;
    enum status st = STATUS_OK;
    *out = (struct trial_row_view){.row = row, .joined.sample = TRIAL_ROW_NULL};
    for (uint32_t i = 0; i < sink->n_items; i++) {
        if (sink->item[i].id == row->item) {
            out->joined.prompt = sink->item[i].prompt;
            out->joined.prompt_group = sink->item[i].prompt_group;
            if (sink->item[i].sample != STORE_ONE_SAMPLE)
                out->joined.sample = sink->item[i].sample;
            out->joined.golden_text = sink->item[i].text;
        }
    }
    for (uint32_t i = 0; i < sink->n_strata; i++) {
        if (sink->stratum[i].id == row->stratum)
            out->joined.stratum_label = sink->stratum[i].label;
    }
    if (row->device_id >= 0 && row->device_id < sink->n_devices)
        out->joined.device = sink->device[row->device_id].name;
    if (row->n_faults > 1)
        st = store_read_faults(sink->store, (uint64_t)row->trial, arena, &further, &out->n_further);
    out->further = further;
    return st;
}

static enum status put_json(FILE *out, const struct trial_row_view *view)
{
    struct json_writer w;
    json_begin(&w, out, false);
    json_object_open(&w);
    const enum status st = trial_row_view_json(&w, view, FIELD_DRAW, FIELD_RUN);
    json_object_close(&w);
    fputc('\n', out);
    return st;
}

static enum status check_written(FILE *out)
{
    if (!ferror(out))
        return STATUS_OK;
    errno = 0; /* writing numbers may have changed it: flush again for the reason */
    fflush(out);
    const int error = errno;
    file_check_reader(out);
    errno = error;
    log_error("export: cannot write: %s", errno ? strerror(errno) : "an earlier write failed");
    return STATUS_IO;
}

static enum status put_row(void *user, const struct trial_row *row)
{
    const struct sink *sink = user;
    struct arena arena = {0};
    struct trial_row_view view;
    errno = 0;
    enum status st = view_row(&view, &arena, sink, row);
    if (!st)
        st = sink->format == STORE_EXPORT_CSV ? trial_row_view_csv(sink->out, &view)
                                              : put_json(sink->out, &view);
    arena_finish(&arena);
    return st ? st : check_written(sink->out);
}

static void put_one_fault(FILE *out, int64_t trial, uint32_t number, const char *json)
{
    fprintf(out, "%" PRId64 ",%" PRIu32 ",", trial, number);
    trial_row_view_csv_text(out, json);
    fputs("\r\n", out);
}

static enum status put_faults(void *user, const struct trial_row *row)
{
    const struct sink *sink = user;
    struct arena arena = {0};
    struct trial_row_view view;
    errno = 0;
    const enum status st = view_row(&view, &arena, sink, row);
    if (!st && row->fault)
        put_one_fault(sink->out, row->trial, 0, row->fault);
    for (uint32_t i = 0; !st && i < view.n_further; i++)
        put_one_fault(sink->out, row->trial, view.further[i].number, view.further[i].json);
    arena_finish(&arena);
    return st ? st : check_written(sink->out);
}

enum status store_export_faults(const struct store *store, FILE *out)
{
    struct sink sink = {.store = store, .out = out};
    fputs("trial,number,fault\r\n", out);
    return store_each_row(store, put_faults, &sink);
}

enum status store_export(const struct store *store, enum store_export_format format, FILE *out)
{
    struct sink sink = {.store = store, .out = out, .format = format};
    enum status st = store_rows_check(store);
    if (!st)
        st = read_tables(&sink);
    if (!st && format == STORE_EXPORT_CSV)
        trial_row_view_csv_names(out);
    if (!st)
        st = store_each_row(store, put_row, &sink);
    if (!st)
        st = store_each_armed(store, put_row, &sink);
    arena_finish(&sink.arena);
    return st;
}

enum status store_export_row(struct json_writer *w, const struct store *store,
                             const struct trial_row *row)
{
    struct sink sink = {.store = store};
    struct trial_row_view view;
    enum status st = read_tables(&sink);
    if (!st)
        st = view_row(&view, &sink.arena, &sink, row);
    json_object_open(w);
    if (!st)
        st = trial_row_view_json(w, &view, FIELD_DRAW, FIELD_ARM);
    json_object_close(w);
    arena_finish(&sink.arena);
    return st;
}

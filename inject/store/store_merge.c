/* SPDX-License-Identifier: MIT */
/* Joins shards: writes what the check admits into one database. */
#include "inject/store/store_merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "inject/store/store_doubt.h"
#include "inject/store/store_handle.h"
#include "inject/store/store_merge_check.h"
#include "inject/store/store_rows.h"

/* Rows of one transaction. */
enum { BATCH = 1000 };

/* Rows of one source on their way into `out`. */
struct transfer {
    const struct store *source;
    struct store *out;
    uint32_t *device; /* (n_devices) row of `out` for each of the source's */
    uint32_t n_devices;
    struct store_merge_check *check;
    uint32_t number; /* of this one, as its rows have it */
    struct trial_row *rows;
    uint32_t n_rows;
    struct text faults; /* of struct store_fault */
    struct arena arena; /* texts of the batch */
    uint64_t added;
};

static enum status map_devices(struct transfer *transfer, struct arena *arena)
{
    struct store_device *devices;
    enum status st = store_read_devices(transfer->source, arena, &devices, &transfer->n_devices);

    if (!st) {
        transfer->device = arena_array(arena, transfer->n_devices, sizeof(*transfer->device));
        st = transfer->device ? STATUS_OK : STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < transfer->n_devices && !st; i++)
        st = store_device(transfer->out, &devices[i], &transfer->device[i]);
    return st;
}

static enum status map_device(const struct transfer *transfer, int64_t found, uint32_t *out)
{
    if (found >= 0 && found < transfer->n_devices) {
        *out = transfer->device[found];
        return STATUS_OK;
    }
    log_error("%s: damaged: found device %" PRId64 ", expected one of table device (%" PRIu32
              " rows)",
              transfer->source->path, found, transfer->n_devices);
    return STATUS_INPUT;
}

static enum status flush(struct transfer *transfer)
{
    const struct store_batch batch = {
        .rows = transfer->rows,
        .n_rows = transfer->n_rows,
        .faults = (const struct store_fault *)(const void *)transfer->faults.data,
        .n_faults = (uint32_t)(transfer->faults.size / sizeof(struct store_fault))};
    const enum status st = transfer->n_rows > 0 ? store_put(transfer->out, &batch) : STATUS_OK;

    transfer->added += !st ? transfer->n_rows : 0;
    transfer->n_rows = 0;
    transfer->faults.size = 0;
    arena_finish(&transfer->arena);
    return st;
}

static enum status take_faults(struct transfer *transfer, uint64_t trial)
{
    struct store_fault *faults;
    uint32_t count;
    const enum status st =
        store_read_faults(transfer->source, trial, &transfer->arena, &faults, &count);

    return !st && count > 0
               ? text_add(&transfer->faults, (const char *)faults, count * sizeof(*faults))
               : st;
}

static enum status take_row(void *user, const struct trial_row *row)
{
    struct transfer *transfer = user;
    struct store_merge_row *known = store_merge_check_find(transfer->check, row);
    uint32_t device = 0;
    enum status st = STATUS_OK;

    if (!known)
        return STATUS_MEMORY;
    if (known->from != transfer->number || known->done)
        return STATUS_OK;
    known->done = true;
    struct trial_row *copy = &transfer->rows[transfer->n_rows++];
    *copy = *row;
    if (row->device_id != TRIAL_ROW_NULL) {
        st = map_device(transfer, row->device_id, &device);
        copy->device_id = device;
    }
    if (!st)
        st = field_copy_texts(&trial_row_table, copy, &transfer->arena);
    if (!st && row->n_faults != 1 && strcmp(row->arm, STORE_ARM_NONE) == 0)
        st = take_faults(transfer, (uint64_t)row->trial);
    return !st && transfer->n_rows == BATCH ? flush(transfer) : st;
}

static bool same_incident(const struct store_incident *a, const struct store_incident *b)
{
    return a->trial == b->trial && a->device == b->device && strcmp(a->what, b->what) == 0;
}

static uint32_t count_incident(const struct store_incident *list, uint32_t n,
                               const struct store_incident *what)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++)
        count += same_incident(&list[i], what);
    return count;
}

/* An incident may have happened twice; it is added until `out` has it as often. */
static enum status take_incidents(const struct transfer *transfer, struct arena *arena)
{
    struct store_incident *found, *there;
    uint32_t n_found, n_there = 0;
    enum status st = store_read_incidents(transfer->source, arena, &found, &n_found);

    if (!st)
        st = store_read_incidents(transfer->out, arena, &there, &n_there);
    for (uint32_t i = 0; i < n_found && !st; i++) {
        st = map_device(transfer, found[i].device, &found[i].device);
        if (!st &&
            count_incident(found, i + 1, &found[i]) > count_incident(there, n_there, &found[i]))
            st = store_put_incident(transfer->out, &found[i]);
    }
    return st;
}

/* Adds to `out` what it lacks of one database; `common` names both and what is done. */
static enum status transfer_one(const struct transfer *common, const char *path,
                                uint64_t *out_added)
{
    struct arena arena = {0};
    struct store *source = NULL;
    struct transfer transfer = *common;
    enum status st = store_open(&source, path);
    transfer.source = source;
    transfer.rows = calloc(BATCH, sizeof(struct trial_row));
    if (!st && !transfer.rows) {
        log_error("%s: out of host memory", path);
        st = STATUS_MEMORY;
    }
    if (!st)
        st = map_devices(&transfer, &arena);
    if (!st)
        st = store_each_row(source, take_row, &transfer);
    if (!st)
        st = store_each_armed(source, take_row, &transfer);
    if (!st)
        st = flush(&transfer);
    if (!st)
        st = take_incidents(&transfer, &arena);
    *out_added += transfer.added;
    free(transfer.rows);
    text_finish(&transfer.faults);
    arena_finish(&transfer.arena);
    arena_finish(&arena);
    store_destroy(&source);
    return st;
}

/* A row that an earlier merge has written. */
static enum status is_there(void *user, const struct trial_row *row)
{
    struct store_merge_row *known = store_merge_check_find(user, row);

    if (known)
        known->done = true;
    return known ? STATUS_OK : STATUS_MEMORY;
}

static enum status write_all(const struct store_merge_params *params,
                             struct store_merge_check *check, uint64_t *out_added)
{
    struct store *out = NULL;
    enum status st = store_create(&out, params->out, &check->identity);

    if (!st)
        st = store_each_row(out, is_there, check);
    if (!st)
        st = store_each_armed(out, is_there, check);
    if (!st)
        st = store_put_strata(out, check->strata, check->n_strata);
    if (!st)
        st = store_put_items(out, check->items, check->n_items);
    for (uint32_t i = 0; i < params->n_paths && !st; i++) {
        const struct transfer transfer = {.out = out, .check = check, .number = i + 1};
        st = transfer_one(&transfer, params->paths[i], out_added);
    }
    store_destroy(&out);
    return st;
}

/* The database at `path` is the next source; the first one sets the campaign. */
static enum status add_source(struct store_merge_check *check,
                              const struct store_merge_params *params, const char *path)
{
    const uint32_t room = params->n_paths + 1;
    struct store *store = NULL;
    enum status st = store_open(&store, path);

    if (!st && !params->allow_suspect)
        st = store_doubt_check(store, false);
    if (!st && check->n_sources == 0)
        st = store_merge_check_init(check, room, store_identity(store));
    if (!st)
        st = store_merge_check_add(check, store, path);
    store_destroy(&store);
    return st;
}

/* An existing `out` counts like a source, but must be a merged one. */
static enum status add_out(struct store_merge_check *check, const struct store_merge_params *params)
{
    const char *path = params->out;
    struct stat info;
    bool empty = false;

    if (stat(path, &info) != 0)
        return STATUS_OK;
    enum status st = S_ISREG(info.st_mode) ? store_is_empty(path, &empty) : STATUS_OK;
    if (!st && !empty)
        st = add_source(check, params, path);
    if (empty)
        return st;
    if (!st && check->source[check->n_sources - 1].shards != 1) {
        const struct store_merge_source *source = &check->source[check->n_sources - 1];
        log_error("%s: found shard %" PRIu32 "/%" PRIu32 ", expected a merged database or none",
                  path, source->shard, source->shards);
        return STATUS_INPUT;
    }
    return st;
}

enum status store_merge(const struct store_merge_params *params, struct store_merge_result *out)
{
    struct store_merge_check check = {0};
    const char *words = "";
    uint64_t missing = 0;
    enum status st = STATUS_OK;

    *out = (struct store_merge_result){0};
    for (uint32_t i = 0; i < params->n_paths && !st; i++)
        st = add_source(&check, params, params->paths[i]);
    out->overlap = check.overlap; /* trials already in `out` are no overlap */
    if (!st)
        st = add_out(&check, params);
    if (!st)
        st = store_merge_check_missing(&check, &missing, &words);
    if (!st && missing > 0 && params->complete) {
        log_error("%s: %s", params->out, words);
        st = STATUS_INPUT;
    }
    if (!st)
        st = write_all(params, &check, &out->added);
    if (!st && missing > 0)
        log_warn("%s: %s", params->out, words);
    out->trials = check.identity.trials;
    out->here = check.here;
    out->suspect = check.n_suspect;
    store_merge_check_finish(&check);
    return st;
}

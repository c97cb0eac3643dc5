/* SPDX-License-Identifier: MIT */
/* Batches of rows written, each in one transaction. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"
#include "inject/store/store_tables.h"

static enum status prepare(struct store *store)
{
    enum status st = STATUS_OK;

    if (!store->put_row)
        st = store_tables_insert(&store->put_row, store, STORE_TRIALS);
    if (!st && !store->put_fault)
        st = store_tables_insert(&store->put_fault, store, STORE_FAULTS);
    return st;
}

static enum status check_row(const struct store *store, const struct trial_row *row)
{
    const struct store_identity *id = &store->identity;
    const bool armed = strcmp(row->arm, STORE_ARM_NONE) != 0, clean = armed && row->trial < 0;
    const uint64_t key = clean ? (uint64_t)(-1 - row->trial) : (uint64_t)row->trial;

    if ((row->trial < 0 && !clean) || (!clean && key >= id->trials) ||
        key % id->shards != id->shard) {
        log_error("%s: found a row of trial %" PRId64 ", expected one of shard %" PRIu32 "/%" PRIu32
                  " of %" PRIu64 " trials",
                  store->path, row->trial, id->shard, id->shards, id->trials);
        return STATUS_INTERNAL;
    }
    return trial_row_check(row);
}

/* Readers check the child table against n_faults; all arms share it. */
static enum status check_faults(const struct store *store, const struct store_batch *batch,
                                const struct trial_row *row)
{
    const uint64_t expected = row->n_faults > 1 ? (uint64_t)row->n_faults - 1 : 0;
    uint64_t found = 0;

    if (strcmp(row->arm, STORE_ARM_NONE) != 0)
        return STATUS_OK;
    for (uint32_t i = 0; i < batch->n_faults; i++) {
        const struct store_fault *fault = &batch->faults[i];
        found += fault->trial == (uint64_t)row->trial && fault->number <= expected;
    }
    if (found == expected)
        return STATUS_OK;
    log_error("%s: trial %" PRId64 ": found %" PRIu64 " further faults, expected numbers 1 to "
              "%" PRIu64,
              store->path, row->trial, found, expected);
    return STATUS_INTERNAL;
}

static enum status put_rows(struct store *store, const struct store_batch *batch)
{
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < batch->n_rows && !st; i++) {
        st = check_row(store, &batch->rows[i]);
        if (!st)
            st = check_faults(store, batch, &batch->rows[i]);
        if (!st)
            st = store_tables_put(store->put_row, STORE_TRIALS, &batch->rows[i], store->batch + 1);
    }
    for (uint32_t i = 0; i < batch->n_faults && !st; i++)
        st = store_tables_put(store->put_fault, STORE_FAULTS, &batch->faults[i], 0);
    return st;
}

enum status store_put_again(struct store *store, const struct trial_row *row, int64_t batch)
{
    struct sql_statement *drop = NULL;
    enum status st = prepare(store);

    if (!st)
        st = sql_prepare(&drop, store->sql, "DELETE FROM trial WHERE trial = ? AND arm = ?");
    if (!st) {
        sql_bind_int(drop, row->trial);
        sql_bind_text(drop, row->arm);
        st = sql_execute(drop);
    }
    if (!st)
        st = store_tables_put(store->put_row, STORE_TRIALS, row, batch);
    sql_finish(&drop);
    return st;
}

enum status store_put(struct store *store, const struct store_batch *batch)
{
    enum status st = prepare(store);

    if (!st)
        st = store_begin(store);
    if (!st)
        st = store_end(store, put_rows(store, batch));
    if (!st)
        store->batch++;
    return st;
}

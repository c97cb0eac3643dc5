/* SPDX-License-Identifier: MIT */
/* Batches of rows written, each in one transaction. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

static enum status prepare(struct store *store)
{
    struct text text = {0};
    enum status st = text_addf(&text, "INSERT INTO trial (");

    sql_finish(&store->put_row);
    if (st == STATUS_OK) {
        st = store_add_columns(&text);
    }
    if (st == STATUS_OK) {
        st = text_addf(&text, ", batch, digest) VALUES (?");
    }
    for (size_t i = 0; i < row_field_count + 1 && st == STATUS_OK; i++) {
        st = text_addf(&text, ", ?");
    }
    if (st == STATUS_OK) {
        st = text_addf(&text, ")");
    }
    if (st == STATUS_OK) {
        st = sql_prepare(&store->put_row, store->sql, text.data);
    }
    if (st == STATUS_OK) {
        st = sql_prepare(&store->put_fault, store->sql,
                         "INSERT INTO fault (trial, number, json, digest) VALUES (?, ?, ?, ?)");
    }
    text_finish(&text);
    return st;
}

static void bind_row(struct sql_statement *statement, const struct row *row, int64_t batch)
{
    for (size_t i = 0; i < row_field_count; i++) {
        const struct row_field *field = &row_fields[i];
        if (field->type == ROW_TEXT) {
            sql_bind_text(statement, row_text(row, field));
        } else if (field->type == ROW_REAL) {
            sql_bind_real(statement, row_real(row, field));
        } else if (row_int(row, field) == ROW_NULL) {
            sql_bind_null(statement);
        } else {
            sql_bind_int(statement, row_int(row, field));
        }
    }
    sql_bind_int(statement, batch);
    sql_bind_digest(statement);
}

static enum status check_row(const struct store *store, const struct row *row)
{
    const struct store_identity *id = &store->identity;

    if (row->trial < 0 || (uint64_t)row->trial >= id->trials ||
        (uint64_t)row->trial % id->shards != id->shard) {
        log_error("%s: found a row of trial %" PRId64 ", expected one of shard %" PRIu32 "/%" PRIu32
                  " of %" PRIu64 " trials",
                  store->path, row->trial, id->shard, id->shards, id->trials);
        return STATUS_INTERNAL;
    }
    return row_check(row);
}

/* n_faults is what readers hold the child table to. */
static enum status check_faults(const struct store *store, const struct store_batch *batch,
                                const struct row *row)
{
    const uint64_t expected = row->n_faults > 1 ? (uint64_t)row->n_faults - 1 : 0;
    uint64_t found = 0;

    for (uint32_t i = 0; i < batch->n_faults; i++) {
        const struct store_fault *fault = &batch->faults[i];
        found += fault->trial == (uint64_t)row->trial && fault->index <= expected;
    }
    if (found == expected) {
        return STATUS_OK;
    }
    log_error("%s: trial %" PRId64 ": found %" PRIu64 " further faults, expected numbers 1 to "
              "%" PRIu64,
              store->path, row->trial, found, expected);
    return STATUS_INTERNAL;
}

static enum status put_rows(struct store *store, const struct store_batch *batch)
{
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < batch->n_rows && st == STATUS_OK; i++) {
        st = check_row(store, &batch->rows[i]);
        if (st == STATUS_OK) {
            st = check_faults(store, batch, &batch->rows[i]);
        }
        if (st == STATUS_OK) {
            bind_row(store->put_row, &batch->rows[i], store->batch + 1);
            st = sql_execute(store->put_row);
        }
    }
    for (uint32_t i = 0; i < batch->n_faults && st == STATUS_OK; i++) {
        sql_bind_int(store->put_fault, (int64_t)batch->faults[i].trial);
        sql_bind_int(store->put_fault, batch->faults[i].index);
        sql_bind_text(store->put_fault, batch->faults[i].json);
        sql_bind_digest(store->put_fault);
        st = sql_execute(store->put_fault);
    }
    return st;
}

enum status store_put_again(struct store *store, const struct row *row, int64_t batch)
{
    struct sql_statement *drop = NULL;
    enum status st = store->put_fault ? STATUS_OK : prepare(store);

    if (st == STATUS_OK) {
        st = sql_prepare(&drop, store->sql, "DELETE FROM trial WHERE trial = ?");
    }
    if (st == STATUS_OK) {
        sql_bind_int(drop, row->trial);
        st = sql_execute(drop);
    }
    if (st == STATUS_OK) {
        bind_row(store->put_row, row, batch);
        st = sql_execute(store->put_row);
    }
    sql_finish(&drop);
    return st;
}

enum status store_put(struct store *store, const struct store_batch *batch)
{
    enum status st = store->put_fault ? STATUS_OK : prepare(store);

    if (st == STATUS_OK) {
        st = store_begin(store);
    }
    if (st == STATUS_OK) {
        st = store_end(store, put_rows(store, batch));
    }
    if (st == STATUS_OK) {
        store->batch++;
    }
    return st;
}

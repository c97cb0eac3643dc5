/* SPDX-License-Identifier: MIT */
/* Reads rows of table trial: in order, one alone, which exist. */
#include "inject/store/store_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"
#include "inject/store/store_tables.h"

#define ARM_TEXT 64 /* names of arms are shorter */

struct store_rows {
    const struct store *store;
    struct sql_statement *select;
    bool armed, any; /* any: a row was read, */
    int64_t trial;   /* with this number and arm */
    char arm[ARM_TEXT];
    struct trial_row row;
};

enum status store_rows_begin(struct store_rows **out, const struct store *store, bool armed)
{
    struct store_rows *rows = calloc(1, sizeof(*rows));

    *out = rows;
    if (!rows) {
        log_error("%s: out of host memory", store->path);
        return STATUS_MEMORY;
    }
    rows->armed = armed;
    rows->store = store;
    const enum status st =
        store_tables_select(&rows->select, store, STORE_TRIALS, "ORDER BY trial, arm");
    if (st)
        store_rows_end(out);
    return st;
}

/* Each row once, in order: SQLite's quick_check does not look at the order of a table without
 * rowid. */
static enum status check_order(struct store_rows *rows)
{
    const struct trial_row *row = &rows->row;
    const bool misplaced =
        rows->any && (row->trial < rows->trial ||
                      (row->trial == rows->trial && strcmp(row->arm, rows->arm) <= 0));

    if (misplaced) {
        log_error("%s: damaged: table trial: found trial %" PRId64
                  " of arm %.40s after trial %" PRId64 " of arm %s",
                  rows->store->path, row->trial, row->arm, rows->trial, rows->arm);
        return STATUS_INPUT;
    }
    rows->any = true;
    rows->trial = row->trial;
    snprintf(rows->arm, sizeof(rows->arm), "%s", row->arm);
    return STATUS_OK;
}

/* Rows of the other arms are passed by once their sum is checked: a damaged arm would hide one. */
enum status store_rows_next(struct store_rows *rows, const struct trial_row **out)
{
    bool row, other = true;
    enum status st = STATUS_OK;

    while (!st && other) {
        st = sql_step(rows->select, &row);
        if (!st && row)
            st = store_tables_take(rows->select, STORE_TRIALS, &rows->row);
        if (!st && row)
            st = check_order(rows);
        other = !st && row && (strcmp(rows->row.arm, STORE_ARM_NONE) != 0) != rows->armed;
    }
    *out = !st && row ? &rows->row : NULL;
    return st;
}

void store_rows_end(struct store_rows **rows)
{
    if (*rows) {
        sql_finish(&(*rows)->select);
        free(*rows);
        *rows = NULL;
    }
}

static enum status walk(const struct store *store, bool armed, store_visit_row *visit, void *user)
{
    struct store_rows *rows = NULL;
    const struct trial_row *row = NULL;
    enum status st = store_rows_begin(&rows, store, armed);

    do {
        if (!st)
            st = store_rows_next(rows, &row);
        if (!st && row)
            st = visit(user, row);
    } while (!st && row);
    store_rows_end(&rows);
    return st;
}

enum status store_each_row(const struct store *store, store_visit_row *visit, void *user)
{
    return walk(store, false, visit, user);
}

enum status store_each_armed(const struct store *store, store_visit_row *visit, void *user)
{
    return walk(store, true, visit, user);
}

static enum status pass_by(void *user, const struct trial_row *row)
{
    (void)user;
    (void)row;
    return STATUS_OK;
}

enum status store_rows_check(const struct store *store)
{
    const enum status st = store_each_row(store, pass_by, NULL);

    return st ? st : store_each_armed(store, pass_by, NULL);
}

struct done_bits {
    const struct store *store;
    uint8_t *bits;
    uint64_t trials;
};

static enum status set_bit(void *user, const struct trial_row *row)
{
    const struct done_bits *done = user;
    const uint64_t id = (uint64_t)row->trial;

    if (id >= done->trials) {
        log_error("%s: damaged: found trial %" PRIu64 ", expected ids below %" PRIu64,
                  done->store->path, id, done->trials);
        return STATUS_INPUT;
    }
    done->bits[id / 8] |= (uint8_t)(1u << id % 8);
    return STATUS_OK;
}

enum status store_done(const struct store *store, uint8_t *done, uint64_t trials)
{
    struct done_bits bits = {.store = store, .bits = done, .trials = trials};

    return store_each_row(store, set_bit, &bits);
}

enum status store_find_armed(const struct store *store, const struct store_key *key,
                             struct arena *arena, struct trial_row *out, bool *found)
{
    struct sql_statement *select = NULL;
    enum status st =
        store_tables_select(&select, store, STORE_TRIALS, "WHERE trial = ? AND arm = ?");

    *found = false;
    trial_row_init(out);
    if (!st) {
        sql_bind_int(select, key->trial);
        sql_bind_text(select, key->arm);
        st = sql_step(select, found);
    }
    if (!st && *found)
        st = store_tables_take(select, STORE_TRIALS, out);
    if (!st && *found)
        st = field_copy_texts(&trial_row_table, out, arena);
    sql_finish(&select);
    return st;
}

enum status store_find_row(const struct store *store, uint64_t trial, struct arena *arena,
                           struct trial_row *out, bool *found)
{
    const struct store_key key = {(int64_t)trial, STORE_ARM_NONE};

    return store_find_armed(store, &key, arena, out, found);
}

/* A damaged key names another trial, or none. */
static enum status check_count(const struct store *store, uint64_t trial, uint32_t found)
{
    char question[128];
    int64_t expected = 0;

    snprintf(question, sizeof(question),
             "SELECT max(n_faults - 1, 0) FROM trial WHERE arm = 'none' AND trial = %" PRIu64,
             trial);
    const enum status st = sql_number(store->sql, question, &expected);
    if (!st && found != expected) {
        log_error("%s: damaged: table fault, trial %" PRIu64 ": found %" PRIu32
                  " rows, expected %" PRId64,
                  store->path, trial, found, expected);
        return STATUS_INPUT;
    }
    return st;
}

enum status store_read_faults(const struct store *store, uint64_t trial, struct arena *arena,
                              struct store_fault **out, uint32_t *count)
{
    struct sql_statement *select = NULL;
    void *faults = NULL;
    enum status st =
        store_tables_select(&select, store, STORE_FAULTS, "WHERE trial = ? ORDER BY number");

    *count = 0;
    if (!st) {
        sql_bind_int(select, (int64_t)trial);
        st = store_tables_list(&select, STORE_FAULTS, arena, &faults, count);
    }
    *out = faults;
    return st ? st : check_count(store, trial, *count);
}

/* SPDX-License-Identifier: MIT */
/* Marks of doubt: set on rows, counted, refused. */
#include "inject/store/store_doubt.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

static void read_mark(struct sql_statement *select, struct store_mark *out)
{
    *out = (struct store_mark){.trial = (uint64_t)sql_int(select, 0),
                               .batch = sql_int(select, 1),
                               .device = (uint32_t)sql_int(select, 2),
                               .suspect = sql_int(select, 3) != 0};
}

enum status store_doubt_controls(const struct store *store, const char *control,
                                 struct arena *arena, struct store_mark **out, uint32_t *count)
{
    struct text items = {0};
    void *list = NULL;
    struct sql_statement *select = NULL;
    bool row = true;
    enum status st = sql_prepare(&select, store->sql,
                                 "SELECT trial, batch, device_id, suspect IS NOT NULL FROM trial "
                                 "WHERE control = ? ORDER BY trial");

    if (!st)
        sql_bind_text(select, control);
    while (!st && row) {
        struct store_mark mark;
        st = sql_step(select, &row);
        if (!st && row) {
            read_mark(select, &mark);
            st = text_add(&items, (const char *)&mark, sizeof(mark));
        }
    }
    sql_finish(&select);
    st = store_end_list(&(struct store_list){&items, sizeof(struct store_mark), arena}, &list,
                        count, st);
    *out = list;
    return st;
}

enum status store_doubt_find(const struct store *store, uint64_t trial, struct store_mark *out,
                             bool *found)
{
    struct sql_statement *select = NULL;
    enum status st = sql_prepare(&select, store->sql,
                                 "SELECT trial, batch, device_id, suspect IS NOT NULL FROM trial "
                                 "WHERE trial = ? AND arm = 'none'");

    *found = false;
    if (!st) {
        sql_bind_int(select, (int64_t)trial);
        st = sql_step(select, found);
    }
    if (!st && *found)
        read_mark(select, out);
    sql_finish(&select);
    return st;
}

enum status store_doubt_only_device(const struct store *store, uint32_t *out, bool *found)
{
    int64_t least = 0, most = 0, rows = 0;
    enum status st =
        sql_number(store->sql, "SELECT count(*) FROM trial WHERE control IS NOT 'cpu'", &rows);

    if (!st && rows > 0)
        st = sql_number(store->sql, "SELECT min(device_id) FROM trial WHERE control IS NOT 'cpu'",
                        &least);
    if (!st && rows > 0)
        st = sql_number(store->sql, "SELECT max(device_id) FROM trial WHERE control IS NOT 'cpu'",
                        &most);
    *out = (uint32_t)least;
    *found = rows > 0 && least == most;
    return st;
}

/* --- marks --- */

/* A row to mark, with all values of its digest. */
struct doubtful {
    struct trial_row row;
    int64_t batch;
};

static enum status read_doubtful(struct store *store, const struct store_doubt *doubt,
                                 struct arena *arena, struct text *out)
{
    struct sql_statement *select = NULL;
    bool row = true;
    enum status st = sql_prepare(&select, store->sql,
                                 "SELECT trial, batch, arm FROM trial WHERE batch >= ? AND NOT "
                                 "(trial = ? AND arm = 'none') AND suspect IS NULL AND (? OR "
                                 "device_id = ?) ORDER BY trial, arm");
    if (!st) {
        sql_bind_int(select, doubt->from);
        sql_bind_int(select, doubt->but == TRIAL_ROW_NULL ? INT64_MIN : doubt->but);
        sql_bind_int(select, doubt->device == STORE_EVERY_DEVICE);
        sql_bind_int(select, doubt->device);
    }
    while (!st && row) {
        struct doubtful doubtful;
        bool found = false;
        st = sql_step(select, &row);
        if (!st && row) {
            doubtful.batch = sql_int(select, 1);
            const struct store_key key = {sql_int(select, 0), sql_text(select, 2)};
            st = store_find_armed(store, &key, arena, &doubtful.row, &found);
        }
        if (!st && found)
            st = text_add(out, (const char *)&doubtful, sizeof(doubtful));
    }
    sql_finish(&select);
    return st;
}

static enum status mark_rows(struct store *store, const struct text *rows, const char *why)
{
    enum status st = STATUS_OK;

    for (size_t at = 0; at < rows->size && !st; at += sizeof(struct doubtful)) {
        struct doubtful doubtful;
        memcpy(&doubtful, rows->data + at, sizeof(doubtful));
        doubtful.row.suspect = why;
        st = store_put_again(store, &doubtful.row, doubtful.batch);
    }
    return st;
}

/* Inside the transaction, so that a row named by two doubts is marked once. */
static enum status mark_one(struct store *store, const struct store_doubt *doubt, const char *why,
                            uint64_t *rows)
{
    struct arena arena = {0};
    struct text doubtful = {0};
    enum status st = read_doubtful(store, doubt, &arena, &doubtful);

    if (!st)
        st = mark_rows(store, &doubtful, why);
    *rows += doubtful.size / sizeof(struct doubtful);
    text_finish(&doubtful);
    arena_finish(&arena);
    return st;
}

enum status store_doubt_mark(struct store *store, const struct store_doubt_reason *reason,
                             uint64_t *out_rows)
{
    uint64_t rows = 0;
    enum status st = store_begin(store);

    *out_rows = 0;
    if (st)
        return st;
    st = sql_run(store->sql, "PRAGMA defer_foreign_keys = ON");
    for (uint32_t i = 0; i < reason->count && !st; i++)
        st = mark_one(store, &reason->doubt[i], reason->why, &rows);
    st = store_end(store, st);
    if (!st)
        *out_rows = rows;
    return st;
}

/* --- the rule for readers --- */

static enum status first_reason(const struct store *store, struct text *out)
{
    struct sql_statement *select = NULL;
    bool row = false;
    enum status st =
        sql_prepare(&select, store->sql,
                    "SELECT suspect FROM trial WHERE suspect IS NOT NULL ORDER BY trial LIMIT 1");

    if (!st)
        st = sql_step(select, &row);
    if (!st && row)
        st = text_addf(out, "%s", sql_text(select, 0));
    sql_finish(&select);
    return st;
}

enum status store_doubt_check(const struct store *store, bool allowed)
{
    struct text why = {0};
    int64_t rows = 0;
    enum status st =
        sql_number(store->sql, "SELECT count(*) FROM trial WHERE suspect IS NOT NULL", &rows);

    if (!st && rows > 0)
        st = first_reason(store, &why);
    if (!st && rows > 0 && allowed) {
        log_warn("%s: %" PRId64 " rows are suspect before a control that failed (%s); rates are "
                 "made without them",
                 store->path, rows, why.data);
    } else if (!st && rows > 0) {
        log_error("%s: found %" PRId64 " suspect rows before a control that failed (%s), expected "
                  "none; --allow-suspect goes on without them",
                  store->path, rows, why.data);
        st = STATUS_INPUT;
    }
    text_finish(&why);
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Whether a file is a whole database of this program, and of which campaign. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

static enum status check_version(const struct store *store)
{
    int64_t application = 0, version = 0, objects = 0;
    enum status st = sql_number(store->sql, "PRAGMA application_id", &application);

    if (!st)
        st = sql_number(store->sql, "PRAGMA user_version", &version);
    if (!st)
        st = sql_number(store->sql, "SELECT count(*) FROM sqlite_schema", &objects);
    if (st)
        return st;
    if (application == 0 && objects == 0) {
        log_error("%s: found an empty file, expected a database (the campaign was stopped as it "
                  "began; run it again)",
                  store->path);
        return STATUS_INPUT;
    }
    if (application != STORE_APPLICATION) {
        log_error("%s: found a database of another program, expected one that vkfi campaign run "
                  "made",
                  store->path);
        return STATUS_INPUT;
    }
    if (version != STORE_VERSION) {
        log_error("%s: found version %" PRId64 " of the schema, expected %d: read it with the vkfi "
                  "that made it",
                  store->path, version, STORE_VERSION);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status store_is_empty(const char *path, bool *out)
{
    struct sql *sql = NULL;
    int64_t application = 0, objects = 0;
    enum status st = sql_open(&sql, path, SQL_READ);

    if (!st)
        st = sql_number(sql, "PRAGMA application_id", &application);
    if (!st)
        st = sql_number(sql, "SELECT count(*) FROM sqlite_schema", &objects);
    *out = !st && application == 0 && objects == 0;
    sql_close(&sql);
    return st;
}

static enum status check_pages(const struct store *store)
{
    struct sql_statement *check = NULL;
    bool row = false;
    enum status st = sql_prepare(&check, store->sql, "PRAGMA quick_check(1)");

    if (!st)
        st = sql_step(check, &row);
    if (!st) {
        const char *found = row ? sql_text(check, 0) : NULL;
        if (!found || strcmp(found, "ok") != 0) {
            log_error("%s: damaged: %s", store->path, found ? found : "nothing was checked");
            st = STATUS_INPUT;
        }
    }
    sql_finish(&check);
    return st;
}

/* Looks for one object of the schema in the file. */
static enum status check_object(const struct store *store, struct sql_statement *find,
                                struct sql_statement *expected)
{
    bool row = false;
    const char *name = sql_text(expected, 0), *text = sql_text(expected, 1);

    sql_bind_text(find, name);
    enum status st = sql_step(find, &row);
    if (!st) {
        const char *found = row ? sql_text(find, 0) : NULL;
        if (!found || !text || strcmp(found, text) != 0) {
            log_error("%s: damaged: found %s %s, expected that of version %d of the schema",
                      store->path, found ? "another" : "no", name, STORE_VERSION);
            st = STATUS_INPUT;
        }
    }
    sql_reset(find);
    return st;
}

/* Every table and index of the schema must be there, word for word. */
static enum status check_schema(const struct store *store)
{
    struct sql *own = NULL;
    struct sql_statement *expected = NULL, *find = NULL;
    bool row = true;
    enum status st = sql_open(&own, "the schema of this program", SQL_MEMORY);

    if (!st)
        st = sql_run(own, store_schema);
    if (!st)
        st = sql_prepare(&expected, own,
                         "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL");
    if (!st)
        st = sql_prepare(&find, store->sql, "SELECT sql FROM sqlite_schema WHERE name = ?");
    while (!st && row) {
        st = sql_step(expected, &row);
        if (!st && row)
            st = check_object(store, find, expected);
    }
    sql_finish(&expected);
    sql_finish(&find);
    sql_close(&own);
    return st;
}

enum status store_check(struct store *store)
{
    enum status st = check_version(store);

    if (!st)
        st = check_schema(store);
    if (!st)
        st = check_pages(store);
    return st ? st : store_identity_read(store);
}

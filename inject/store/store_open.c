/* SPDX-License-Identifier: MIT */
/* Databases made, continued, opened for reading, and closed as one file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "inject/store/store_handle.h"

/* Looks for the file of this name; *out_exists false: none. */
static enum status look(const char *path, bool *out_exists)
{
    struct stat info;

    *out_exists = stat(path, &info) == 0;
    if (!*out_exists && errno != ENOENT) {
        log_error("%s: cannot open: %s", path, strerror(errno));
        return STATUS_IO;
    }
    if (*out_exists && !S_ISREG(info.st_mode)) {
        log_error("%s: found %s, expected a database", path,
                  S_ISDIR(info.st_mode) ? "a directory" : "something else than a file");
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* Reports what a dead writer lost, before SQLite silently skips it and drops the log. */
static enum status tell_lost(const char *path)
{
    struct store_wal log;
    const enum status st = store_wal_read(&log, path);

    if (!st && log.lost > 0)
        log_warn("%s-wal: damaged: %" PRIu64 " transactions are whole, %" PRIu64 " after the "
                 "damage are lost: their trials are not done, and are run again",
                 path, log.kept, log.lost);
    return st;
}

/* In one transaction, so that a file is either empty or a database with an identity. */
static enum status fill_if_empty(struct store *store, const struct store_identity *identity)
{
    int64_t objects = 0, application = 0;
    enum status st = store_begin(store);

    if (st)
        return st;
    st = sql_number(store->sql, "SELECT count(*) FROM sqlite_schema", &objects);
    if (!st)
        st = sql_number(store->sql, "PRAGMA application_id", &application);
    if (!st && objects == 0 && application == 0) {
        st = sql_run(store->sql, store_schema);
        if (!st)
            st = store_identity_write(store, identity);
    }
    return store_end(store, st);
}

static enum status prepare_handle(struct store **out, const char *path, bool writes)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store) {
        store->lock.fd = -1;
        store->writes = writes;
        store->path = arena_text(&store->arena, path, strlen(path));
    }
    *out = store;
    if (store && store->path)
        return STATUS_OK;
    log_error("%s: out of host memory", path);
    return STATUS_MEMORY;
}

/* SQLite says which mode it is in, and fails only if a known mode was refused to it. */
static enum status start_log(struct store *store)
{
    struct sql_statement *set = NULL;
    bool row = false;
    enum status st = sql_prepare(&set, store->sql, "PRAGMA journal_mode = WAL");

    if (!st)
        st = sql_step(set, &row);
    if (!st) {
        const char *mode = row ? sql_text(set, 0) : NULL;
        if (!mode || strcmp(mode, "wal") != 0) {
            log_error("%s: found journal mode %s, expected a write-ahead log (file system without "
                      "shared memory?)",
                      store->path, mode ? mode : "unknown");
            st = STATUS_IO;
        }
    }
    sql_finish(&set);
    return st ? st : sql_run(store->sql, "PRAGMA synchronous = FULL");
}

/* EXTRA also syncs the folder when the creation's journal is deleted; FULL syncs the log at each
 * commit. The log mode is a setting of the file that lasts until it is closed. */
static enum status open_for_writing(struct store *store, const struct store_identity *identity)
{
    int64_t batch = 0;
    enum status st = sql_open(&store->sql, store->path, SQL_CREATE);

    if (!st)
        st = sql_run(store->sql, "PRAGMA synchronous = EXTRA");
    if (!st)
        st = fill_if_empty(store, identity);
    if (!st)
        st = store_check(store);
    if (!st)
        st = store_identity_compare(store->path, &store->identity, identity);
    if (!st)
        st = store_identity_compare_shard(store, identity);
    if (!st)
        st = start_log(store);
    if (!st)
        st = sql_number(store->sql, "SELECT max(batch) FROM trial", &batch);
    store->batch = batch;
    return st;
}

/* A failed creation leaves nothing. */
static void drop_if_empty(const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && info.st_size == 0)
        unlink(path);
}

enum status store_create(struct store **out, const char *path,
                         const struct store_identity *identity)
{
    struct store *store = NULL;
    bool exists = false;
    enum status st = prepare_handle(&store, path, true);

    *out = NULL;
    if (!st)
        st = look(path, &exists);
    if (!st)
        st = store_lock_take(&store->lock, &store->arena, path);
    if (!st && exists)
        st = tell_lost(path);
    if (!st)
        st = open_for_writing(store, identity);
    if (st) {
        if (store && store->sql && !exists)
            drop_if_empty(path);
        store_destroy(&store);
    }
    *out = store;
    return st;
}

enum status store_open(struct store **out, const char *path)
{
    struct store *store = NULL;
    bool exists = false, writer = false;
    enum status st = prepare_handle(&store, path, false);

    *out = NULL;
    if (!st)
        st = look(path, &exists);
    if (!st && !exists) {
        log_error("%s: cannot open: %s", path, strerror(ENOENT));
        st = STATUS_IO;
    }
    if (!st)
        st = store_lock_check(path, &writer);
    if (!st && !writer)
        st = tell_lost(path);
    if (!st)
        st = sql_open(&store->sql, path, SQL_READ);
    if (!st)
        st = sql_run(store->sql, "BEGIN");
    if (!st)
        st = store_check(store);
    if (st)
        store_destroy(&store);
    *out = store;
    return st;
}

void store_leave(struct store *store)
{
    store_lock_leave(&store->lock);
}

void store_destroy(struct store **store)
{
    struct store *s = *store;

    if (!s)
        return;
    sql_finish(&s->put_row);
    sql_finish(&s->put_fault);
    if (s->sql && s->writes) {
        /* Leaves one file, which can be copied, and read where nothing can be written. If readers
         * prevent it the next writer does it. */
        sql_hurry(s->sql);
        sql_try(s->sql, "PRAGMA journal_mode = DELETE");
    }
    sql_close(&s->sql);
    store_lock_release(&s->lock);
    arena_finish(&s->arena);
    free(s);
    *store = NULL;
}

void store_remove(const char *path)
{
    static const char *const beside[] = {"", "-wal", "-shm", "-journal", "-lock"};

    for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++) {
        struct text name = {0};
        if (text_addf(&name, "%s%s", path, beside[i]) == STATUS_OK)
            unlink(name.data);
        text_finish(&name);
    }
}

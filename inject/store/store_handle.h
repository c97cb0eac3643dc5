/* SPDX-License-Identifier: MIT */
/* The open database, shared by the store's files. */
#ifndef VKFI_INJECT_STORE_HANDLE_H
#define VKFI_INJECT_STORE_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/store/sql.h"
#include "inject/store/store.h"

struct store_lock {
    int fd;     /* -1: not held */
    char *path; /* of the lock file, in the arena given */
};

/* How long a dead writer's last process may hold it. */
#define STORE_LOCK_PATIENCE 3.0 /* seconds */

/* STATUS_IO if another process holds it. The process's end releases it in any case; children made
 * by fork share it until they exit. */
enum status store_lock_take(struct store_lock *out, struct arena *arena,
                            const char *path) STATUS_MUST_USE;
void store_lock_release(struct store_lock *lock);

/* In a child after fork: the lock stays with the parent. */
void store_lock_leave(struct store_lock *lock);

/* *out_writer: some process writes. STATUS_IO if it is on another host: hosts do not share the
 * log's index in memory. */
enum status store_lock_check(const char *path, bool *out_writer) STATUS_MUST_USE;

struct store {
    struct sql *sql;
    struct arena arena; /* path, identity */
    const char *path;
    struct store_identity identity;
    bool writes;
    struct store_lock lock;                    /* if it writes */
    struct sql_statement *put_row, *put_fault; /* prepared by the first batch */
    int64_t batch;                             /* number of the newest one */
};

/* Application id and version of inject/schema.sql. */
#define STORE_APPLICATION 1986749033
#define STORE_VERSION 9

/* Fails unless the file is a whole database of this program and version; reads the identity. */
enum status store_check(struct store *store) STATUS_MUST_USE;

/* True if the writer was killed before its first commit: the database is empty, whatever the file's
 * size. */
enum status store_is_empty(const char *path, bool *out) STATUS_MUST_USE;

/* The row of table campaign. */
enum status store_identity_write(struct store *store,
                                 const struct store_identity *identity) STATUS_MUST_USE;
enum status store_identity_read(struct store *store) STATUS_MUST_USE;
/* STATUS_INPUT, logged for the file `path` of `found`, if they belong to two campaigns; the tool,
 * the plan's text and the shard may differ. */
enum status store_identity_compare(const char *path, const struct store_identity *found,
                                   const struct store_identity *wanted) STATUS_MUST_USE;
enum status store_identity_compare_shard(const struct store *store,
                                         const struct store_identity *wanted) STATUS_MUST_USE;

/* A transaction: begun, then committed on success or undone on failure, which is passed on. */
enum status store_begin(struct store *store) STATUS_MUST_USE;
enum status store_end(struct store *store, enum status st) STATUS_MUST_USE;

/* store_put.c: the row replaces that of its trial, in its batch; inside a transaction with deferred
 * foreign keys. */
enum status store_put_again(struct store *store, const struct trial_row *row,
                            int64_t batch) STATUS_MUST_USE;

/* Structs collected in `items`, to become one array in `arena`. */
struct store_list {
    struct text *items;
    size_t size; /* of one */
    struct arena *arena;
};
/* Frees the text; passes a failure on. An empty list is null. */
enum status store_end_list(const struct store_list *list, void **out, uint32_t *count,
                           enum status st) STATUS_MUST_USE;

struct store_wal {
    uint64_t kept; /* transactions before the damage: the database has them */
    uint64_t lost; /* transactions that end after it: SQLite skips them */
};

/* Reads the log beside a database before anything opens that; zeros if there is none, or none of
 * SQLite's. Frames, salts and checksums as in https://sqlite.org/fileformat2.html#walformat. */
enum status store_wal_read(struct store_wal *out, const char *path) STATUS_MUST_USE;

#endif

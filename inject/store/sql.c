/* SPDX-License-Identifier: MIT */
/* SQLite with statuses of this program; the only includer of sqlite3.h. */
#include "inject/store/sql.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

/* The longest text that is read or written; a damaged length must not ask for all memory. */
#define SQL_LENGTH_MAX (256 << 20)

struct sql {
    sqlite3 *db;
    const char *path; /* as given, in `text` */
    char text[];      /* as SQLite gets it */
};

struct sql_statement {
    struct sql *sql;
    sqlite3_stmt *stmt;
    uint64_t digest; /* of what was bound since the reset */
    int bound;       /* parameters */
    int error;       /* first failure of a bind, SQLITE_OK: none */
    /* Texts with U+0000: bound ones until the reset, those of the row until the next step. */
    struct arena bound_texts, row_texts;
};

/* A failed read is a system error, with the system's reason if there is one. */
static enum status refuse(const struct sql *sql, const char *what)
{
    const int reason = sqlite3_system_errno(sql->db);

    log_error("%s: %s: %s%s%s", sql->path, what, sqlite3_errmsg(sql->db), reason ? ", " : "",
              reason ? strerror(reason) : "");
    return STATUS_IO;
}

static enum status fail(const struct sql *sql, int code)
{
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        log_error("%s: found no database, expected one that vkfi campaign run made", sql->path);
        return STATUS_INPUT;
    case SQLITE_TOOBIG:
        log_error("%s: found a text of more than %d MiB, expected at most that", sql->path,
                  SQL_LENGTH_MAX >> 20);
        return STATUS_INPUT;
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* a header that no version can read */
        log_error("%s: damaged: %s", sql->path, sqlite3_errmsg(sql->db));
        return STATUS_INPUT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        log_error("%s: locked by another process for %d s, expected it to be let go", sql->path,
                  SQL_PATIENCE_MS / 1000);
        return STATUS_IO;
    case SQLITE_FULL:
        log_error("%s: cannot write: the disk is full (what was committed is kept)", sql->path);
        return STATUS_IO;
    case SQLITE_READONLY:
        return refuse(sql, "cannot write");
    case SQLITE_CANTOPEN:
        return refuse(sql, "cannot open");
    case SQLITE_IOERR:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
        return refuse(sql, "cannot read or write");
    case SQLITE_NOMEM:
        log_error("%s: out of host memory", sql->path);
        return STATUS_MEMORY;
    default:
        log_error("%s: %s (SQLite code %d)", sql->path, sqlite3_errmsg(sql->db), code);
        return STATUS_INTERNAL;
    }
}

/* No file may run code here, and every page is checked. */
static int harden(sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, SQL_LENGTH_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    int rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db, SQL_PATIENCE_MS);
    return rc;
}

enum status sql_open(struct sql **out, const char *path, enum sql_access access)
{
    /* "./": a name like "file:x" or ":memory:" means a file of that name. */
    const char *prefix = access == SQL_MEMORY || path[0] == '/' ? "" : "./";
    const size_t room = strlen(prefix) + strlen(path) + 1;
    struct sql *sql = calloc(1, sizeof(*sql) + room);

    *out = NULL;
    if (!sql) {
        log_error("%s: out of host memory", path);
        return STATUS_MEMORY;
    }
    snprintf(sql->text, room, "%s%s", prefix, path);
    sql->path = sql->text + strlen(prefix);
    const int flags = SQLITE_OPEN_READWRITE | (access == SQL_READ ? 0 : SQLITE_OPEN_CREATE) |
                      (access == SQL_MEMORY ? SQLITE_OPEN_MEMORY : 0);
    int rc = sqlite3_open_v2(sql->text, &sql->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = harden(sql->db);
    enum status st = rc == SQLITE_OK ? STATUS_OK : fail(sql, rc);
    if (!st && access == SQL_READ)
        st = sql_run(sql, "PRAGMA cell_size_check = ON; PRAGMA query_only = ON");
    else if (!st)
        st = sql_run(sql, "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON");
    if (st)
        sql_close(&sql);
    *out = sql;
    return st;
}

void sql_close(struct sql **sql)
{
    if (*sql) {
        sqlite3_close_v2((*sql)->db);
        free(*sql);
        *sql = NULL;
    }
}

void sql_hurry(struct sql *sql)
{
    sqlite3_busy_timeout(sql->db, 0);
}

enum status sql_run(struct sql *sql, const char *text)
{
    const int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? STATUS_OK : fail(sql, rc);
}

bool sql_try(struct sql *sql, const char *text)
{
    return sqlite3_exec(sql->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

enum status sql_number(struct sql *sql, const char *text, int64_t *out)
{
    struct sql_statement *statement = NULL;
    bool row = false;
    enum status st = sql_prepare(&statement, sql, text);

    *out = 0;
    if (!st)
        st = sql_step(statement, &row);
    if (!st && row)
        *out = sqlite3_column_int64(statement->stmt, 0);
    sql_finish(&statement);
    return st;
}

enum status sql_prepare(struct sql_statement **out, struct sql *sql, const char *text)
{
    struct sql_statement *statement = calloc(1, sizeof(*statement));

    *out = NULL;
    if (!statement) {
        log_error("%s: out of host memory", sql->path);
        return STATUS_MEMORY;
    }
    statement->sql = sql;
    const int rc =
        sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement->stmt, NULL);
    if (rc != SQLITE_OK) {
        free(statement);
        return fail(sql, rc);
    }
    *out = statement;
    return STATUS_OK;
}

void sql_finish(struct sql_statement **statement)
{
    if (*statement) {
        sqlite3_finalize((*statement)->stmt);
        arena_finish(&(*statement)->row_texts);
        arena_finish(&(*statement)->bound_texts);
        free(*statement);
        *statement = NULL;
    }
}

/* The digest of a row folds, for each value, its type and its bits. */
static uint64_t fold_word(uint64_t digest, int type, uint64_t word)
{
    return hash_fold64(hash_fold64(digest, (uint64_t)type), word);
}

static uint64_t fold_real(uint64_t digest, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return fold_word(digest, SQLITE_FLOAT, bits);
}

static uint64_t fold_text(uint64_t digest, const char *text, size_t size)
{
    return hash_fold_bytes(hash_fold64(digest, SQLITE_TEXT), text, size);
}

static void note(struct sql_statement *statement, int rc)
{
    if (statement->error == SQLITE_OK)
        statement->error = rc;
}

void sql_bind_null(struct sql_statement *statement)
{
    statement->digest = fold_word(statement->digest, SQLITE_NULL, 0);
    note(statement, sqlite3_bind_null(statement->stmt, ++statement->bound));
}

void sql_bind_int(struct sql_statement *statement, int64_t value)
{
    statement->digest = fold_word(statement->digest, SQLITE_INTEGER, (uint64_t)value);
    note(statement, sqlite3_bind_int64(statement->stmt, ++statement->bound, value));
}

void sql_bind_real(struct sql_statement *statement, double value)
{
    if (isnan(value)) {
        sql_bind_null(statement);
        return;
    }
    statement->digest = fold_real(statement->digest, value);
    note(statement, sqlite3_bind_double(statement->stmt, ++statement->bound, value));
}

/* Moves a text into an arena of the statement; without memory null, which the next step reports. */
static const char *keep(struct sql_statement *statement, struct arena *arena, struct text *text,
                        enum status st)
{
    const char *copy = st ? NULL : arena_text(arena, text->data, text->size);

    if (!copy)
        note(statement, SQLITE_NOMEM);
    text_finish(text);
    return copy;
}

void sql_bind_text(struct sql_statement *statement, const char *text)
{
    if (!text) {
        sql_bind_null(statement);
        return;
    }
    size_t size = strlen(text);
    if (strstr(text, TEXT_NUL)) {
        struct text bytes = {0};
        const enum status st = text_add_unmarked(&bytes, text);
        size = bytes.size;
        text = keep(statement, &statement->bound_texts, &bytes, st);
        if (!text)
            return;
    }
    statement->digest = fold_text(statement->digest, text, size);
    note(statement, sqlite3_bind_text64(statement->stmt, ++statement->bound, text, size,
                                        SQLITE_STATIC, SQLITE_UTF8));
}

void sql_bind_digest(struct sql_statement *statement)
{
    note(statement,
         sqlite3_bind_int64(statement->stmt, ++statement->bound, (int64_t)statement->digest));
}

enum status sql_step(struct sql_statement *statement, bool *out_row)
{
    arena_finish(&statement->row_texts);
    const int rc = statement->error == SQLITE_OK ? sqlite3_step(statement->stmt) : statement->error;

    *out_row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? STATUS_OK : fail(statement->sql, rc);
}

void sql_reset(struct sql_statement *statement)
{
    /* The step has logged what went wrong. */
    sqlite3_reset(statement->stmt);
    sqlite3_clear_bindings(statement->stmt);
    arena_finish(&statement->row_texts);
    arena_finish(&statement->bound_texts);
    statement->digest = 0;
    statement->bound = 0;
    statement->error = SQLITE_OK;
}

enum status sql_execute(struct sql_statement *statement)
{
    bool row;
    const enum status st = sql_step(statement, &row);

    sql_reset(statement);
    return st;
}

int64_t sql_int(struct sql_statement *statement, int column)
{
    return sqlite3_column_type(statement->stmt, column) == SQLITE_NULL
               ? INT64_MIN
               : sqlite3_column_int64(statement->stmt, column);
}

double sql_real(struct sql_statement *statement, int column)
{
    return sqlite3_column_type(statement->stmt, column) == SQLITE_NULL
               ? (double)NAN
               : sqlite3_column_double(statement->stmt, column);
}

const char *sql_text(struct sql_statement *statement, int column)
{
    const char *found = (const char *)sqlite3_column_text(statement->stmt, column);
    const size_t size = found ? (size_t)sqlite3_column_bytes(statement->stmt, column) : 0;

    if (size == 0 || !memchr(found, 0, size))
        return found;
    struct text marked = {0};
    const enum status st = text_add_marked(&marked, found, size);
    return keep(statement, &statement->row_texts, &marked, st);
}

enum status sql_check_digest(struct sql_statement *statement, const char *table)
{
    sqlite3_stmt *stmt = statement->stmt;
    const int last = sqlite3_column_count(stmt) - 1;
    uint64_t digest = 0;

    for (int i = 0; i < last; i++) {
        switch (sqlite3_column_type(stmt, i)) {
        case SQLITE_INTEGER:
            digest = fold_word(digest, SQLITE_INTEGER, (uint64_t)sqlite3_column_int64(stmt, i));
            break;
        case SQLITE_FLOAT:
            digest = fold_real(digest, sqlite3_column_double(stmt, i));
            break;
        case SQLITE_TEXT: {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            digest = fold_text(digest, text ? text : "", (size_t)sqlite3_column_bytes(stmt, i));
            break;
        }
        default:
            digest = fold_word(digest, SQLITE_NULL, 0);
        }
    }
    if (digest == (uint64_t)sqlite3_column_int64(stmt, last))
        return STATUS_OK;
    log_error("%s: damaged: table %s, row %" PRId64 ": found other values than were written",
              statement->sql->path, table, (int64_t)sqlite3_column_int64(stmt, 0));
    return STATUS_INPUT;
}

enum status sql_check_number(struct sql_statement *statement, const char *table, int64_t expected)
{
    const int64_t found = sql_int(statement, 0);

    if (found == expected)
        return STATUS_OK;
    log_error("%s: damaged: table %s: found row %" PRId64 ", expected %" PRId64,
              statement->sql->path, table, found, expected);
    return STATUS_INPUT;
}

/* SPDX-License-Identifier: MIT */
/* A connection to SQLite and its statements, with the statuses of this program.
 *
 * Every error is logged once, here, as "PATH: ...": STATUS_INPUT for a file that is damaged or no
 * database, STATUS_IO for what the system or another process refuses, STATUS_INTERNAL for a broken
 * constraint of the schema. */
#ifndef VKFI_INJECT_SQL_H
#define VKFI_INJECT_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct sql;
struct sql_statement;

/* How long a call waits for another process's lock. */
#define SQL_PATIENCE_MS 10000

enum sql_access {
    SQL_CREATE, /* writes; makes the file if there is none */
    SQL_READ,   /* changes nothing but completes what a dead writer left */
    SQL_MEMORY, /* its own database, gone when closed */
};

/* The first statement reads the file, not this call. */
enum status sql_open(struct sql **out, const char *path, enum sql_access access) STATUS_MUST_USE;
/* All statements must be finished. */
void sql_close(struct sql **sql);
/* From here on fails at once where another process holds the file. */
void sql_hurry(struct sql *sql);

/* One or several statements; their rows are dropped. */
enum status sql_run(struct sql *sql, const char *text) STATUS_MUST_USE;
/* The same where failure is expected: nothing is logged. */
bool sql_try(struct sql *sql, const char *text);
/* First column of the first row; NULL and no row are 0. */
enum status sql_number(struct sql *sql, const char *text, int64_t *out) STATUS_MUST_USE;

enum status sql_prepare(struct sql_statement **out, struct sql *sql,
                        const char *text) STATUS_MUST_USE;
void sql_finish(struct sql_statement **statement);

/* Parameters from left to right; the next step reports a failure. Texts and null ones: texts must
 * live until the next reset. NaN is null. TEXT_NUL in a text is U+0000 in the database, and vice
 * versa in columns. */
void sql_bind_null(struct sql_statement *statement);
void sql_bind_int(struct sql_statement *statement, int64_t value);
void sql_bind_real(struct sql_statement *statement, double value);
void sql_bind_text(struct sql_statement *statement, const char *text);
/* The digest of all parameters bound since the reset. */
void sql_bind_digest(struct sql_statement *statement);

/* To the next row; *out_row false: there is none. */
enum status sql_step(struct sql_statement *statement, bool *out_row) STATUS_MUST_USE;
/* Ready for other parameters. */
void sql_reset(struct sql_statement *statement);
/* A statement without rows, from its parameters to the reset. */
enum status sql_execute(struct sql_statement *statement) STATUS_MUST_USE;

/* Columns of the row, from 0. NULL is INT64_MIN, NaN and a null pointer. Texts live until the next
 * step or reset. */
int64_t sql_int(struct sql_statement *statement, int column);
double sql_real(struct sql_statement *statement, int column);
const char *sql_text(struct sql_statement *statement, int column);

/* The last column must be the digest of those before it; else STATUS_INPUT: the row of `table` with
 * the number in the first column is damaged. */
enum status sql_check_digest(struct sql_statement *statement, const char *table) STATUS_MUST_USE;
/* The first column must be this number; else STATUS_INPUT: a row is missing or its number is
 * damaged. */
enum status sql_check_number(struct sql_statement *statement, const char *table,
                             int64_t expected) STATUS_MUST_USE;

#endif

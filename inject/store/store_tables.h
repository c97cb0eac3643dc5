/* SPDX-License-Identifier: MIT */
/* One description of each table of the database: the same code reads, writes and compares its
 * rows. */
#ifndef VKFI_INJECT_STORE_TABLES_H
#define VKFI_INJECT_STORE_TABLES_H

#include "inject/store/sql.h"
#include "inject/store/store.h"

enum store_table {
    STORE_CAMPAIGN,
    STORE_DEVICES,
    STORE_STRATA,
    STORE_ITEMS,
    STORE_INCIDENTS,
    STORE_FAULTS,
    STORE_TRIALS,
};

/* The table's struct; STORE_TRIALS: struct trial_row. */
const struct field_table *store_tables_fields(enum store_table table);

/* A statement that gives rows; `rest` follows FROM ("ORDER BY id"). */
enum status store_tables_select(struct sql_statement **out, const struct store *store,
                                enum store_table table, const char *rest) STATUS_MUST_USE;
/* The current row of the statement; texts are the statement's. */
enum status store_tables_take(struct sql_statement *select, enum store_table table,
                              void *out) STATUS_MUST_USE;
/* All rows of the statement as an array of the table's struct; ends the statement. */
enum status store_tables_list(struct sql_statement **select, enum store_table table,
                              struct arena *arena, void **out, uint32_t *count) STATUS_MUST_USE;
/* All rows of a table by id; `out` is the address of a pointer to the table's struct. */
enum status store_tables_read(const struct store *store, enum store_table table,
                              struct arena *arena, void *out, uint32_t *count) STATUS_MUST_USE;

/* A statement that writes a row; `own` is the value that is no member: the id of a table that
 * numbers its rows, the batch of a trial. */
enum status store_tables_insert(struct sql_statement **out, const struct store *store,
                                enum store_table table) STATUS_MUST_USE;
enum status store_tables_put(struct sql_statement *insert, enum store_table table, const void *row,
                             int64_t own) STATUS_MUST_USE;
/* One row, by its own statement. */
enum status store_tables_put_one(struct store *store, enum store_table table, const void *row,
                                 int64_t own) STATUS_MUST_USE;

/* store_put_strata inside a transaction. */
enum status store_tables_put_strata(struct store *store, const struct store_stratum *strata,
                                    uint32_t count) STATUS_MUST_USE;

/* Name of the first column in which two rows (of the table's struct) differ; null: none. */
const char *store_tables_difference(enum store_table table, const void *a, const void *b);

#endif

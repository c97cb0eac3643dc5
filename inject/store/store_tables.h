/* SPDX-License-Identifier: MIT */
/* The small tables (device, stratum, item, incident): one description each, read and written by the
 * same code. */
#ifndef VKFI_INJECT_STORE_TABLES_H
#define VKFI_INJECT_STORE_TABLES_H

#include "inject/store/store.h"

enum store_table { STORE_DEVICES, STORE_STRATA, STORE_ITEMS, STORE_INCIDENTS };

/* All rows by id: an array of the table's struct. */
enum status store_tables_read(const struct store *store, enum store_table table,
                              struct arena *arena, void **out, uint32_t *count) STATUS_MUST_USE;

/* store_put_strata inside of a transaction. */
enum status store_tables_put_strata(struct store *store, const struct store_stratum *strata,
                                    uint32_t count) STATUS_MUST_USE;

/* Name of the first column in which two rows (of the table's struct) differ; null: none. */
const char *store_tables_difference(enum store_table table, const void *a, const void *b);

#endif

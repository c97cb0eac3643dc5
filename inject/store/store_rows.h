/* SPDX-License-Identifier: MIT */
/* Rows of table trial one by one, for walks through several databases at once. */
#ifndef VKFI_INJECT_STORE_ROWS_H
#define VKFI_INJECT_STORE_ROWS_H

#include "inject/store/store.h"

struct store_rows; /* a walk in order of trial, then of arm */

/* `armed`: rows of all arms but none. */
enum status store_rows_begin(struct store_rows **out, const struct store *store,
                             bool armed) STATUS_MUST_USE;
/* The next row, its sum checked; texts live until the next call. Null: there is none. */
enum status store_rows_next(struct store_rows *rows, const struct trial_row **out) STATUS_MUST_USE;
/* Reads all rows, so that damage is found before they are used. */
enum status store_rows_check(const struct store *store) STATUS_MUST_USE;
void store_rows_end(struct store_rows **rows);

#endif

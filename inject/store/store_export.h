/* SPDX-License-Identifier: MIT */
/* All rows of a database as text: CSV or JSON lines. */
#ifndef VKFI_INJECT_STORE_EXPORT_H
#define VKFI_INJECT_STORE_EXPORT_H

#include <stdio.h>

#include "base/json.h"
#include "inject/store/store.h"

/* One line per row (trial_row_view.h); CSV starts with a line of names. */
enum store_export_format { STORE_EXPORT_CSV, STORE_EXPORT_JSONL };

/* The faults of all trials as CSV, one per line: trial, number (from 0), fault (JSON). */
enum status store_export_faults(const struct store *store, FILE *out) STATUS_MUST_USE;

/* In order of trial; nothing if a row is damaged. STATUS_IO, logged, if `out` takes no more; the
 * caller flushes what is buffered. */
enum status store_export(const struct store *store, enum store_export_format format,
                         FILE *out) STATUS_MUST_USE;

/* One row as an object, without what may differ when the trial is run again. */
enum status store_export_row(struct json_writer *w, const struct store *store,
                             const struct trial_row *row) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* All rows of a database as text: CSV or JSON lines. */
#ifndef VKFI_INJECT_STORE_EXPORT_H
#define VKFI_INJECT_STORE_EXPORT_H

#include <stdio.h>

#include "inject/store/store.h"

/* CSV (RFC 4180): a line of names, then a line a row, lines end in CR LF; null is an empty field,
 * an empty text is "". JSON lines: an object a row with all fields; null is null, Inf the text
 * "Infinity" or "-Infinity" (NUMERICS.md 6). Fields and forms are those of store_fields.h; lists
 * and objects are JSON in a field of CSV. A struck value that is NaN is "NaN" in JSON lines only.
 */
enum store_export_format { STORE_EXPORT_CSV, STORE_EXPORT_JSONL };

/* The faults of all trials as CSV, one a line: trial, number (from 0), fault (JSON). */
enum status store_export_faults(const struct store *store, FILE *out) STATUS_MUST_USE;

/* In order of trial; nothing at all if a row is damaged. STATUS_IO, logged, if `out` takes no more;
 * what is still buffered is the caller's to flush. */
enum status store_export(const struct store *store, enum store_export_format format,
                         FILE *out) STATUS_MUST_USE;

#endif

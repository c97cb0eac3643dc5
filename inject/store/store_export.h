/* SPDX-License-Identifier: MIT */
/* All rows of a database as text: CSV or JSON lines. */
#ifndef VKFI_INJECT_STORE_EXPORT_H
#define VKFI_INJECT_STORE_EXPORT_H

#include <stdio.h>

#include "inject/store/store.h"

/* CSV (RFC 4180): a line of names, then a line a row, lines end in CR LF; null is an empty field,
 * an empty text is "". JSON lines: an object a row with all fields; null is null, Inf the text
 * "Infinity" or "-Infinity" (numerics 6). Reals are the shortest digits that read back as the same
 * double. */
enum store_export_format { STORE_EXPORT_CSV, STORE_EXPORT_JSONL };

/* Columns behind the fields of row.h: what a row names by number. JSON lines end with
 * "further_faults", a list of objects. */
enum { STORE_EXPORT_JOINED = 4 };
struct store_export_joined {
    const char *name, *what;
};
extern const struct store_export_joined store_export_joined[STORE_EXPORT_JOINED];

/* The further faults of all trials as CSV: trial, number (from 1), fault (JSON). */
enum status store_export_faults(const struct store *store, FILE *out) STATUS_MUST_USE;

/* All fields as a JSON list: name, type, meaning, whether a trial run again has the same. */
enum status store_export_describe(FILE *out) STATUS_MUST_USE;

/* In order of trial; nothing at all if a row is damaged. STATUS_IO, logged, if `out` takes no more;
 * what is still buffered is the caller's to flush. */
enum status store_export(const struct store *store, enum store_export_format format,
                         FILE *out) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* A row for other programs: JSON, CSV, and the meaning of each field. */
#ifndef VKFI_INJECT_TRIAL_ROW_VIEW_H
#define VKFI_INJECT_TRIAL_ROW_VIEW_H

#include <stdio.h>

#include "base/json.h"
#include "inject/store/store.h"

/* A row with what it names by number or omits. */
struct trial_row_view {
    const struct trial_row *row;
    struct trial_row_joined joined;
    const struct store_fault *further; /* (n_further) faults 1, 2, ... of the trial */
    uint32_t n_further;
};

/* Members of an open object: the fields of these levels, in the order of the tables. Null is null,
 * Inf the text "Infinity" or "-Infinity" (NUMERICS.md 6), a struck value that is NaN "NaN".
 * STATUS_INPUT, logged, if a text that should be JSON is not. */
enum status trial_row_view_json(struct json_writer *w, const struct trial_row_view *view,
                                enum field_level first, enum field_level last) STATUS_MUST_USE;

/* Lines of CSV (RFC 4180) ending in CR LF: the names, then the values of a row. Null is an empty
 * field, an empty text is "", lists and objects are JSON. */
void trial_row_view_csv_names(FILE *out);
enum status trial_row_view_csv(FILE *out, const struct trial_row_view *view) STATUS_MUST_USE;
/* A value by the name of its field, for people: as in CSV, except NaN. */
enum status trial_row_view_text(FILE *out, const struct trial_row_view *view,
                                const char *name) STATUS_MUST_USE;
/* One text as a field, quoted where it must be. */
void trial_row_view_csv_text(FILE *out, const char *text);

/* The data dictionary of these levels as a readable table, and as a JSON list of objects: name,
 * type, unit, meaning, level, since, same_when_run_again. */
enum status trial_row_view_describe(struct text *out, enum field_level first,
                                    enum field_level last) STATUS_MUST_USE;
enum status trial_row_view_describe_json(FILE *out) STATUS_MUST_USE;

#endif

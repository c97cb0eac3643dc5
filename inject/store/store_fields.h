/* SPDX-License-Identifier: MIT */
/* The fields of an export: those of row.h and what a row names by number, each described. */
#ifndef VKFI_INJECT_STORE_FIELDS_H
#define VKFI_INJECT_STORE_FIELDS_H

#include <stdio.h>

#include "base/text.h"
#include "inject/store/row.h"

/* How values are written. Names and forms are those of a record of `vkfi run --json`. */
enum store_form {
    STORE_FORM_INTEGER,
    STORE_FORM_REAL,  /* shortest digits that read back as the same double */
    STORE_FORM_FLOAT, /* as the same float, which it is; integers as they are; NaN */
    STORE_FORM_TEXT,
    STORE_FORM_BITS,      /* "0x" and a digit for 4 bits of `width`, as a text */
    STORE_FORM_WORDS,     /* list of texts */
    STORE_FORM_DEVIATION, /* list of objects, by layer */
    STORE_FORM_FAULT,     /* what `vkfi run --fault` takes as one trial: an object, or a list */
};

struct store_field {
    const char *name, *unit, *what;
    int since; /* user_version of the schema */
    enum store_form form;
    bool same;                   /* as in row.h */
    const struct row_field *row; /* null: joined from another table */
    size_t joined;               /* then which (enum store_joined) */
};

/* Columns behind the fields of row.h, in this order. */
enum store_joined {
    STORE_JOINED_LABEL,
    STORE_JOINED_PROMPT,
    STORE_JOINED_GROUP,
    STORE_JOINED_GOLDEN,
    STORE_JOINED_DEVICE,
    STORE_JOINED_COUNT,
};

/* Fields 0 .. row_field_count + STORE_JOINED_COUNT - 1. */
size_t store_fields_count(void);
struct store_field store_fields_at(size_t index);

/* "list, in CSV as JSON" */
const char *store_fields_type(enum store_form form);

/* The data dictionary as a table to read, and as a JSON list of objects: name, type, unit, meaning,
 * since, same_when_run_again. */
enum status store_fields_table(struct text *out) STATUS_MUST_USE;
enum status store_fields_json(FILE *out) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* A struct described as data: one description for SQL, pipes, comparison, CSV, JSON and the data
 * dictionary. */
#ifndef VKFI_BASE_FIELD_H
#define VKFI_BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"

#define FIELD_NULL INT64_MIN /* of FIELD_INT and FIELD_BITS; that of FIELD_INDEX, once read */

/* How a member is kept in C, and how CSV and JSON write it. */
enum field_type {
    FIELD_INT,  /* int64_t; an integer */
    FIELD_BITS, /* int64_t; a text: "0x" and a digit for each 4 struck bits */
    FIELD_U32,
    FIELD_INDEX, /* uint32_t, null UINT32_MAX */
    FIELD_U64,
    FIELD_BOOL,
    FIELD_REAL,   /* double, null NaN (Inf is kept); shortest digits that read back the same */
    FIELD_FLOAT,  /* double that is a float; shortest digits that read back the same float; NaN */
    FIELD_TEXT,   /* UTF-8, null NULL */
    FIELD_WORDS,  /* text "a+b"; a list of texts */
    FIELD_LAYERS, /* text, JSON lists of three numbers by layer; a list of objects */
    FIELD_FAULT,  /* text, JSON; what `vkfi run --fault` takes as one trial: an object or a list */
};

/* When a value is known: from a campaign's draw, from the fault alone, from a record of this level
 * or higher. Values of FIELD_RUN may differ when the trial is run again or elsewhere; all others
 * are equal on every device. */
enum field_level {
    FIELD_DRAW,
    FIELD_PLACE,
    FIELD_OUTCOME,
    FIELD_SUMMARY,
    FIELD_FULL,
    FIELD_ARM, /* from a campaign's run under an arm */
    FIELD_RUN,
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset; /* in its struct */
    /* of the fields of a row: */
    enum field_level level;
    int since;               /* user_version of the schema */
    const char *unit, *what; /* "none": a name, an index, a share */
};

struct field_table {
    const char *name;
    const struct field *field; /* (count) */
    size_t count, size;        /* size: of the struct */
};

/* The entry of a member without the part of a row, and the table of a struct's entries. */
#define FIELD(structure, kind, member)                                                             \
    {                                                                                              \
        .name = #member, .type = FIELD_##kind, .offset = offsetof(struct structure, member)        \
    }
#define FIELD_TABLE(name, structure, entries)                                                      \
    {                                                                                              \
        name, entries, sizeof(entries) / sizeof(*(entries)), sizeof(struct structure)              \
    }

/* A member's content, as one of the database's three types. */
enum field_kind { FIELD_KIND_NUMBER, FIELD_KIND_REAL, FIELD_KIND_TEXT };
struct field_value {
    int64_t number;
    double real;
    const char *text;
};
enum field_kind field_kind(const struct field *field);
struct field_value field_get(const struct field *field, const void *from);
void field_set(const struct field *field, void *to, struct field_value value);
bool field_is_null(const struct field *field, struct field_value value);

/* By bits, except that all NaN are one null. */
bool field_same(const struct field *field, const void *a, const void *b);
/* The first field in which two structs differ; null: none. */
const struct field *field_difference(const struct field_table *table, const void *a, const void *b);
/* How they differ in it: "first_diff: 3 against null"; long texts from where they part. */
#define FIELD_DIFFERENCE_TEXT 256
void field_describe_difference(char out[FIELD_DIFFERENCE_TEXT], const struct field *field,
                               const void *a, const void *b);

/* Replaces the texts by copies. */
enum status field_copy_texts(const struct field_table *table, void *in,
                             struct arena *arena) STATUS_MUST_USE;

/* A struct on a pipe between processes of one build: a length, a sum of all bytes, the fields.
 * Appends to `out`. */
void field_pack(struct text *out, const struct field_table *table, const void *from);

/* Bytes that are consumed from the front. */
struct field_bytes {
    const char *at;
    size_t left;
};

/* The struct at the head of the bytes; texts live in `arena`. *out_whole is false, and nothing is
 * consumed, if the bytes end first: more must be read. STATUS_INTERNAL, logged, if they are no such
 * struct. */
enum status field_unpack(const struct field_table *table, void *out, struct arena *arena,
                         struct field_bytes *bytes, bool *out_whole) STATUS_MUST_USE;

#endif

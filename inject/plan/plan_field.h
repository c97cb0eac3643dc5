/* SPDX-License-Identifier: MIT */
/* Fields of a plan as tables: what is known, read, printed in the canonical form, described in the
 * schema and in the manual. */
#ifndef VKFI_INJECT_PLAN_FIELD_H
#define VKFI_INJECT_PLAN_FIELD_H

#include <stddef.h>

#include "inject/plan/plan_read.h"

enum plan_field_type {
    PLAN_FIELD_OTHER,   /* by its own functions, and `form`                               */
    PLAN_FIELD_GROUP,   /* an object: `members`                                           */
    PLAN_FIELD_TEXT,    /* const char *, "" where it is not given                         */
    PLAN_FIELD_WORD,    /* an enum: one of `words`                                        */
    PLAN_FIELD_U32,     /* uint32_t in `span`                                             */
    PLAN_FIELD_U64,     /* uint64_t in `span`                                             */
    PLAN_FIELD_MIB,     /* uint64_t bytes, given in MiB in `span`                         */
    PLAN_FIELD_NUMBER,  /* double in `range`                                              */
    PLAN_FIELD_FLOAT,   /* float                                                          */
    PLAN_FIELD_BITS,    /* uint32_t, also as a text "0x..."                               */
    PLAN_FIELD_CHOICES, /* struct plan_choices: a word, a list, or an object of weights   */
    PLAN_FIELD_PAIR,    /* struct plan_pair in `span`: a list of the first and the last   */
    PLAN_FIELD_GLOBS    /* struct plan_globs: a pattern of sites or a list                */
};

struct plan_field {
    const char *key;   /* null: of the canonical form alone */
    const char *canon; /* its key in the canonical form: null the same; "": it is not in there */
    enum plan_field_type type;
    enum kinds_table words;
    size_t at; /* offset in struct plan, or in what a list is made of */
    struct json_span span;
    struct json_range range;
    const char *what; /* description; null: a field that is known to be refused */
    const char *need; /* must be given: what was expected */
    /* JSON, in which ' stands for the double quote: the default (null: none, or `what` says it), a
     * list of examples, the JSON Schema of a form that no type has. */
    const char *fallback, *examples, *form;
    const struct plan_fields *members;
    /* Instead of those of the type; of a value that is given, and of any plan. */
    plan_read_field *read;
    plan_put_field *put;
};

/* An object. Canonical forms of `flat` ones have their members among those around them. */
struct plan_fields {
    const char *what; /* "an object with ...", for messages */
    const struct plan_field *field;
    size_t count;
    bool flat;
};

#define PLAN_AT(member) offsetof(struct plan, member)
#define PLAN_FINITE                                                                                \
    {                                                                                              \
        .min = -3.4028234e38, .max = 3.4028234e38                                                  \
    }
#define PLAN_FIELDS_MOST 48 /* of one object */
#define PLAN_FIELDS(name, text, list, is_flat)                                                     \
    const struct plan_fields name = {                                                              \
        .what = text, .field = list, .count = sizeof(list) / sizeof(*(list)), .flat = is_flat};    \
    _Static_assert(sizeof(list) / sizeof(*(list)) <= PLAN_FIELDS_MOST, "fields of " #name)

extern const struct plan_fields plan_fields_root, plan_fields_where, plan_fields_what,
    plan_fields_when, plan_fields_sampling, plan_fields_controls, plan_fields_hypothesis,
    plan_fields_stop, plan_fields_confirm, plan_fields_prompts;

/* What holds without any of the fields, as far as it does not depend on others (plan_check.c). */
void plan_field_defaults(const struct plan_fields *fields, void *base);

/* The members of `object` into the struct at `base`: known ones alone, those needed, in their
 * words and ranges. */
enum status plan_field_read(const struct plan_reader *r, const struct json *object,
                            const struct plan_fields *fields, void *base) STATUS_MUST_USE;

/* Members of the canonical form. */
enum status plan_field_put(struct json_writer *w, const struct plan_fields *fields,
                           const void *base) STATUS_MUST_USE;

/* What several fields are printed as. */
enum status plan_field_globs(struct json_writer *w, const struct plan_globs *globs) STATUS_MUST_USE;

#endif

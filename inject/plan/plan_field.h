/* SPDX-License-Identifier: MIT */
/* Tables of a plan's fields, from which they are read, checked, printed in canonical form, and
 * described in schema and manual. */
#ifndef VKFI_INJECT_PLAN_FIELD_H
#define VKFI_INJECT_PLAN_FIELD_H

#include <stddef.h>

#include "inject/plan/plan_read.h"

enum plan_field_type {
    PLAN_FIELD_OTHER,   /* by its own functions, and `form`                               */
    PLAN_FIELD_GROUP,   /* an object: `members`                                           */
    PLAN_FIELD_TEXT,    /* const char *, "" if not given */
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
    const char *key;   /* null: only in the canonical form */
    const char *canon; /* its key in the canonical form; null: the same; "": not in it */
    enum plan_field_type type;
    enum kinds_table words;
    size_t at; /* offset in struct plan, or in a list's element */
    struct json_span span;
    struct json_range range;
    const char *what; /* description; null: a field that is refused */
    const char *need; /* required: what is expected */
    /* JSON, in which ' stands for the double quote: the default (null: none, or in `what`), a list
     * of examples, the JSON Schema of a form without a type. */
    const char *fallback, *examples, *form;
    const struct plan_fields *members;
    /* Replace those of the type; `read` takes a given value, `put` any plan. */
    plan_read_field *read;
    plan_put_field *put;
};

/* An object. In canonical form the members of a `flat` one are among those around it. */
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
    plan_fields_stop, plan_fields_confirm, plan_fields_prompts, plan_fields_items,
    plan_fields_question, plan_fields_arm;

/* Sets the defaults that do not depend on other fields (plan_check.c has those). */
void plan_field_defaults(const struct plan_fields *fields, void *base);

/* Reads the members of `object` into the struct at `base`: only known ones, all required ones, in
 * their words and ranges. */
enum status plan_field_read(const struct plan_reader *r, const struct json *object,
                            const struct plan_fields *fields, void *base) STATUS_MUST_USE;

/* Members of the canonical form. */
enum status plan_field_put(struct json_writer *w, const struct plan_fields *fields,
                           const void *base) STATUS_MUST_USE;

/* Printed form of several fields. */
enum status plan_field_globs(struct json_writer *w, const struct plan_globs *globs) STATUS_MUST_USE;

#endif

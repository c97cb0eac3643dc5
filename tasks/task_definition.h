/* SPDX-License-Identifier: MIT */
/* A whole definition: the part shown by task.h, its templates and its data. */
#ifndef VKFI_TASKS_TASK_DEFINITION_H
#define VKFI_TASKS_TASK_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json_fields.h"
#include "model/template_record.h"
#include "tasks/task.h"
#include "tasks/task_reader.h"

#define TASK_CHOICES_MAX 64
#define TASK_STOPS_MAX 64
#define TASK_SHOTS_MAX 64
#define TASK_RULES_MAX 8
#define TASK_LEFT_OUT_MAX 1024

/* The words of task.h's enumerations and of the formats. */
extern const char *const task_kinds[TASK_KIND_COUNT],
    *const task_areas[TASK_AREA_COUNT], *const task_metrics[TASK_METRIC_COUNT],
                                            *const task_formats[TASK_FORMAT_COUNT];

/* Several texts: one template each, or one template whose value is a list. */
struct task_templates {
    const struct template *const *each; /* (count) */
    uint32_t count;
    const struct template *list; /* null: `each` */
    bool given;
};

/* A pattern of paths; for parallel lines, one per column. */
struct task_pattern {
    const char *path[TASK_COLUMNS_MAX];
};

struct task_named {
    const char *name;
    const struct template *template;
};

struct task_texts {
    const char *const *text; /* (count) */
    uint32_t count;
};

struct task_definition {
    struct task task; /* first: a task is known by the address of its definition */
    struct arena arena;
    struct json_doc *doc; /* holds the values of words and records */

    enum task_format format;
    struct task_texts columns;
    const struct task_pattern *pattern; /* (n_patterns) */
    uint32_t n_patterns;

    const struct task_named *field; /* (n_fields) computed for each record, in this order */
    uint32_t n_fields;
    const struct json *words; /* an object; null: none */

    /* Templates of an item; null: not given. */
    const struct template *id, *group, *header, *prompt, *instruction, *reply, *gold, *target,
        *example, *test, *entry_point, *prefix, *integrand, *variable;
    struct task_templates choices, contexts, labels;
    const char *delimiter;

    struct task_texts leave_out; /* ids of records that are neither items nor examples */
    uint32_t pool;               /* records at the end, for examples */
    uint32_t pool_of_groups;     /* 1: at the end of each group */
    const char *separator;
    const struct json *examples; /* a list of records; null: from the data */
    struct task_texts stop, extract;
};

static inline const struct task_definition *task_definition_of(const struct task *task)
{
    return (const struct task_definition *)task;
}

/* The fields of definitions as tables, for the reader and the schema. */
enum task_field_type {
    TASK_FIELD_TEXT,      /* const char *                                     */
    TASK_FIELD_WORD,      /* an enum: one of the words                        */
    TASK_FIELD_WORDS,     /* one or a list of them, by `read`                 */
    TASK_FIELD_RULES,     /* one extraction rule or a list, by `read` */
    TASK_FIELD_U32,       /* uint32_t in `span`                               */
    TASK_FIELD_NUMBER,    /* double from 0 to 1                               */
    TASK_FIELD_TEXTS,     /* struct task_texts: a text or a list              */
    TASK_FIELD_TEMPLATE,  /* const struct template *                          */
    TASK_FIELD_TEMPLATES, /* struct task_templates: a list, or one for all    */
    TASK_FIELD_GROUP,     /* an object: `members`                             */
    TASK_FIELD_OTHER      /* by `read`, and `form`                            */
};

struct task_reading {
    struct task_definition *out;
    const struct json_doc *doc;
};

struct task_field {
    const char *key;
    enum task_field_type type;
    size_t at; /* offset in struct task_definition */
    struct json_words words;
    struct json_span span;
    const char *what; /* description */
    const char *need; /* if required: what was expected; null: optional */
    /* JSON with ' for the double quote: default, examples, JSON Schema of the value. */
    const char *fallback, *examples, *form;
    const struct task_fields *members;
    enum status (*read)(struct task_reading *r, const struct json *value);
};

struct task_fields {
    const char *what; /* "an object with ...", for messages */
    const struct task_field *field;
    size_t count;
};

extern const struct task_fields task_fields_root;

/* task_field_read.c: values with their own form. */
enum status task_field_read_note(struct task_reading *r, const struct json *value) STATUS_MUST_USE;
enum status task_field_read_name(struct task_reading *r, const struct json *value) STATUS_MUST_USE;
enum status task_field_read_files(struct task_reading *r, const struct json *value) STATUS_MUST_USE;
enum status task_field_read_columns(struct task_reading *r,
                                    const struct json *value) STATUS_MUST_USE;
enum status task_field_read_fields(struct task_reading *r,
                                   const struct json *value) STATUS_MUST_USE;
enum status task_field_read_words(struct task_reading *r, const struct json *value) STATUS_MUST_USE;
enum status task_field_read_extract(struct task_reading *r,
                                    const struct json *value) STATUS_MUST_USE;
enum status task_field_read_metrics(struct task_reading *r,
                                    const struct json *value) STATUS_MUST_USE;
enum status task_field_read_records(struct task_reading *r,
                                    const struct json *value) STATUS_MUST_USE;

/* Members of `object` by their table. */
enum status task_field_read(struct task_reading *r, const struct json *object,
                            const struct task_fields *fields) STATUS_MUST_USE;

#endif

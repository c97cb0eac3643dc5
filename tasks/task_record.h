/* SPDX-License-Identifier: MIT */
/* A record with its variables, and its parts by a definition. */
#ifndef VKFI_TASKS_TASK_RECORD_H
#define VKFI_TASKS_TASK_RECORD_H

#include "tasks/task_files.h"

struct task_record {
    const struct task_definition *definition;
    struct template_record *values; /* owned */
    const char *where;              /* "mgsm_de.tsv:12", for messages */
    uint32_t index;
};

struct task_place {
    const struct template_record *words; /* variables of all records */
    const struct task_file *file;        /* null: a record of few_shot */
    uint32_t row, index;                 /* in the file, in the data; from 0 */
    const char *where;
};

/* The record's members, then the definition's fields as variables. `object` and `place->where` must
 * stay. STATUS_INPUT, one line, as for all functions here; always finish it. */
enum status task_record_init(struct task_record *out, const struct task_definition *definition,
                             const struct json *object,
                             const struct task_place *place) STATUS_MUST_USE;
void task_record_finish(struct task_record *record);

/* Whether the definition leaves it out. */
enum status task_record_left_out(const struct task_record *record, bool *out) STATUS_MUST_USE;

/* Its group, "" if the task has none. */
enum status task_record_group(const struct task_record *record, struct arena *arena,
                              const char **out) STATUS_MUST_USE;

/* A record as an example: prompt and answer, and message and answer in chat form (of choices
 * nulls). */
struct task_example {
    const char *text;
    struct template_turn turn;
};
enum status task_record_example(const struct task_record *record, struct arena *arena,
                                struct task_example *out) STATUS_MUST_USE;

/* All examples of an item. */
struct task_examples {
    const char *text;                 /* goes before its prompt */
    const struct template_turn *turn; /* (n_turns) go before its message */
    uint32_t n_turns;
};

/* The item; examples null: none. */
enum status task_record_item(const struct task_record *record, struct arena *arena,
                             const struct task_examples *examples,
                             struct task_item *out) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* A task and its items: questions for a model, and their expected answers.
 *
 * A task is one JSON file (task.schema.json); an item is one record of its data, with the prompt
 * made. */
#ifndef VKFI_TASKS_TASK_H
#define VKFI_TASKS_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "model/template.h"

/* A model's work on an item. */
enum task_kind {
    TASK_CHOICES,    /* the log-likelihood of each continuation */
    TASK_GENERATION, /* a text, from which an answer is extracted         */
    TASK_CODE,       /* a text that is completed to a program and run     */
    TASK_KIND_COUNT
};

/* The group in tables that span tasks. */
enum task_area {
    TASK_REASONING,
    TASK_MULTILINGUAL,
    TASK_MATHEMATICAL,
    TASK_CODING,
    TASK_OTHER,
    TASK_AREA_COUNT
};

enum task_metric {
    TASK_ACC,
    TASK_ACC_NORM,
    TASK_EXACT_MATCH,
    TASK_BLEU,
    TASK_CHRF,
    TASK_PASS,
    TASK_METRIC_COUNT
};

/* Their words in definitions and output: "choices", "reasoning", "acc_norm", "chrf++", "pass@1". */
const char *task_kind_name(enum task_kind kind);
const char *task_area_name(enum task_area area);
const char *task_metric_name(enum task_metric metric);

/* The kind of task that a metric is of. */
enum task_kind task_metric_kind(enum task_metric metric);

/* Whether sentences are scored together: a sentence has no such score. */
static inline bool task_metric_is_corpus(enum task_metric metric)
{
    return metric == TASK_BLEU || metric == TASK_CHRF;
}

/* A definition. Texts are UTF-8, null-terminated, never null. */
struct task {
    const char *name, *title, *licence;
    enum task_area area;
    enum task_kind kind;
    const char *const *extract; /* (n_extracts) rules of extract.h; the first counts */
    uint32_t n_extracts;
    enum task_metric metric[TASK_METRIC_COUNT]; /* (n_metrics), the first is the one to report */
    uint32_t n_metrics;
    const char *const *stop; /* (n_stops) texts that end an answer */
    uint32_t n_stops, max_tokens;
    uint32_t shots; /* examples by default */
    double chance;  /* score of a guess; NaN: by the number of choices of each item */
};

struct task_choice {
    const char *context; /* null: the item's prompt */
    const char *text;    /* continuation, with the blank before it, if any */
};

struct task_item {
    uint32_t index;     /* in the task's data, from 0 */
    const char *doc_id; /* from the data, else its index */
    const char *group;  /* language, subject, level or pair; "" if the task has none */
    const char *prompt; /* with its examples, if any, not yet in a chat format */
    const char
        *instruction; /* the message instead of the prompt in a chat format; null: the prompt */
    const struct template_turn
        *turn; /* (n_turns) before the message in a chat format: the examples */
    uint32_t n_turns;

    const struct task_choice *choice; /* (n_choices) TASK_CHOICES */
    uint32_t n_choices, gold;

    const char *target;      /* reference answer, of code the reference completion; "" if none */
    const char *const *stop; /* (n_stops) texts that end an answer */
    uint32_t n_stops;
    uint32_t max_tokens;

    const char *integrand, *variable; /* of the rule "integral"; else null */

    const char *prefix;      /* TASK_CODE: program text before the answer of the model */
    const char *test;        /* TASK_CODE: what runs after the program */
    const char *entry_point; /* argument of the tests' check; null: the tests name it themselves */
};

/* Reads a definition from a file. STATUS_INPUT: logged, one line with pointer and line. */
enum status task_open(struct task **out, const char *path) STATUS_MUST_USE;
/* The same from memory; `name` appears in messages. */
enum status task_read(struct task **out, const char *text, size_t size,
                      const char *name) STATUS_MUST_USE;
void task_close(struct task **task);

struct task_query {
    const char *data;        /* folder of the definition's files */
    const char *const *file; /* (n_files) replace the definition's: one, or one per column */
    uint32_t n_files;
    uint32_t shots;        /* examples before each prompt */
    uint32_t first, limit; /* items from index `first` on, at most `limit`; 0: all */
    uint32_t spread;       /* at most this many items, from the groups in turn; 0: all */
};

struct task_items {
    struct arena arena;     /* of all data of the items */
    struct task_item *item; /* (count), owned, by index */
    uint32_t count;
    double chance; /* of these items: the task's, else the mean of 1 / choices */
};

/* The items of a task. With shots > 0, records reserved for examples by few_shot are not items.
 * STATUS_INPUT: one line with file, line and field of the first wrong record; `out` is empty
 * then. */
enum status task_items(struct task_items *out, const struct task *task,
                       const struct task_query *query) STATUS_MUST_USE;
void task_items_finish(struct task_items *items);

/* Member "turns" of an open object, if the item has any: pairs of message and answer. */
void task_items_put_turns(struct json_writer *w, const struct task_item *item);

/* How many records the data of a task has, and how many of them its definition leaves out: neither
 * items nor examples. Of the query only the places of the data are used. */
struct task_count {
    uint32_t records, left_out;
};
enum status task_count(struct task_count *out, const struct task *task,
                       const struct task_query *query) STATUS_MUST_USE;

/* The JSON Schema of definitions; the writer keeps a failure. */
void task_schema_put(struct json_writer *w);

#endif

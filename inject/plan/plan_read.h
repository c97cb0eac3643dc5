/* SPDX-License-Identifier: MIT */
/* What the files that read a plan share: the document and its parts. */
#ifndef VKFI_INJECT_PLAN_READ_H
#define VKFI_INJECT_PLAN_READ_H

#include "base/json_fields.h"
#include "inject/plan/plan.h"

/* An array of texts as the words of a field. */
#define WORDS(list)                                                                                \
    (struct json_words)                                                                            \
    {                                                                                              \
        list, sizeof(list) / sizeof(*(list))                                                       \
    }

/* The words of a table of the vocabulary. */
static inline struct json_words plan_words(enum kinds_table table)
{
    return (struct json_words){kinds_texts(table), kinds_count(table)};
}

struct plan_reader {
    const struct json_doc *doc;
    struct arena *arena;
    const char *folder;             /* of the plan: prompt files lie beside it */
    const struct plan_tasks *tasks; /* null: none can be opened */
    struct plan *plan;
};

/* A word of a table, a list of them, or an object of word: weight. */
enum status plan_choices_read(const struct plan_reader *r, const struct json *value,
                              enum kinds_table words, struct plan_choices *out) STATUS_MUST_USE;
bool plan_choices_has(const struct plan_choices *choices, uint32_t value);

/* A field's own functions: one reads a given value into r->plan, one prints the canonical form. */
typedef enum status plan_read_field(const struct plan_reader *r, const struct json *value);
typedef enum status plan_put_field(struct json_writer *w, const struct plan *plan);
plan_read_field plan_choices_sites, plan_choices_scrub, plan_groups_read, plan_prompts_read,
    plan_items_read, plan_strata_read, plan_faults_read, plan_hypotheses_read, plan_waves_read,
    plan_arms_read;
plan_put_field plan_groups_put, plan_prompts_put, plan_items_put, plan_strata_put, plan_faults_put,
    plan_hypotheses_put, plan_confirm_field, plan_arms_put;

/* Name of a file that a plan gives, beside the plan unless it is a whole path; null: memory. */
const char *plan_path(const struct plan_reader *r, const char *name);

/* What is wrong in another file is told with the place of `value`, which asked for it, until
 * log_set_place(NULL); `kept` holds that. */
#define PLAN_PLACE_ROOM 512
void plan_set_place(char kept[PLAN_PLACE_ROOM], const struct plan_reader *r,
                    const struct json *value);

/* `arms` with all policies inline. */
void plan_arms_inline(struct json_writer *w, const struct plan *plan);

/* A pattern of site names or a list of them. */
enum status plan_groups_globs(const struct plan_reader *r, const struct json *value,
                              struct plan_globs *out) STATUS_MUST_USE;

/* Checks that the words of a parsed contrast belong to their dimensions and no stratum is on both
 * sides; `contrast`: the member, for messages. */
struct plan_hypothesis;
enum status plan_words_check(const struct plan_reader *r, const struct json *contrast,
                             const struct plan_hypothesis *hypothesis) STATUS_MUST_USE;

/* The same for one side, as in a gate's question. */
struct plan_side;
enum status plan_words_side(const struct plan_reader *r, const struct json *at,
                            const struct plan_side *side) STATUS_MUST_USE;

/* Rules across fields; defaults that depend on other fields. */
enum status plan_check(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* Choices in the form that the draw takes, once the whole plan is known (plan_normal.c). */
enum status plan_normal(const struct plan_reader *r) STATUS_MUST_USE;

/* One item of a task (plan_question.c). */
enum status plan_question_read(const struct plan_reader *r, const struct json *value,
                               struct plan_question *q) STATUS_MUST_USE;
void plan_question_put(struct json_writer *w, const struct plan_question *q);

/* `items` with its items inline: all of them, and how they are struck. */
void plan_items_inline(struct json_writer *w, const struct plan *plan);

/* plan->text, from the document's root. */
enum status plan_inline(struct plan *plan, struct arena *arena,
                        const struct json *root) STATUS_MUST_USE;

/* plan->canon and plan->hash. */
enum status plan_canon(struct plan *plan, struct arena *arena) STATUS_MUST_USE;

#endif

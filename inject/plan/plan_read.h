/* SPDX-License-Identifier: MIT */
/* What the files that read a plan share: the document being read and the parts of it. */
#ifndef VKFI_INJECT_PLAN_READ_H
#define VKFI_INJECT_PLAN_READ_H

#include "base/json_fields.h"
#include "inject/plan/plan.h"

/* An array of texts as the words that a field may be. */
#define WORDS(list)                                                                                \
    (struct json_words)                                                                            \
    {                                                                                              \
        list, sizeof(list) / sizeof *(list)                                                        \
    }

/* The words of a table of the vocabulary. */
static inline struct json_words plan_words(enum kinds_table table)
{
    return (struct json_words){kinds_texts(table), kinds_count(table)};
}

struct plan_reader {
    const struct json_doc *doc;
    struct arena *arena;
    const char *folder; /* of the plan: prompt files lie beside it */
    struct plan *plan;
};

/* A text, a list of texts, or an object of text: weight, over a table of words. */
struct plan_table {
    const char *key;
    enum kinds_table words;
};
enum status plan_choices_read(const struct plan_reader *r, const struct json *object,
                              const struct plan_table *table,
                              struct plan_choices *out) STATUS_MUST_USE;
enum status plan_choices_sites(const struct plan_reader *r,
                               const struct json *object) STATUS_MUST_USE;
bool plan_choices_has(const struct plan_choices *choices, uint32_t value);

/* "scrub" of a plan's "when": positions, "never" or 0, as one, a list, or an object of weights. */
enum status plan_choices_scrub(const struct plan_reader *r,
                               const struct json *object) STATUS_MUST_USE;

/* A pattern of site names or a list of them; "groups" of `root`. */
enum status plan_groups_globs(const struct plan_reader *r, const struct json *value,
                              struct plan_globs *out) STATUS_MUST_USE;
enum status plan_groups_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* "where", "what", "when" of `root`. */
enum status plan_where_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;
enum status plan_what_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;
enum status plan_when_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* "prompts". */
enum status plan_prompts_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* "strata", "sampling", "faults_per_trial", "stop", "controls", "hypotheses". */
enum status plan_sampling_read(const struct plan_reader *r,
                               const struct json *root) STATUS_MUST_USE;
enum status plan_stop_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* The words of a parsed contrast are those of their dimensions, and no stratum is on both sides;
 * `contrast`: the member, for messages. */
struct plan_hypothesis;
enum status plan_words_check(const struct plan_reader *r, const struct json *contrast,
                             const struct plan_hypothesis *hypothesis) STATUS_MUST_USE;

/* The words of one side alone, as a gate asks of. */
struct plan_side;
enum status plan_words_side(const struct plan_reader *r, const struct json *at,
                            const struct plan_side *side) STATUS_MUST_USE;

/* "confirm". */
enum status plan_confirm_read(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* Fields that only make sense together; defaults that depend on others. */
enum status plan_check(const struct plan_reader *r, const struct json *root) STATUS_MUST_USE;

/* Choices as the draw takes them, once all of the plan is known (plan_normal.c). */
enum status plan_normal(const struct plan_reader *r) STATUS_MUST_USE;

/* plan->text, from the document's root. */
enum status plan_inline(struct plan *plan, struct arena *arena,
                        const struct json *root) STATUS_MUST_USE;

/* plan->canon and plan->hash. */
enum status plan_canon(struct plan *plan, struct arena *arena) STATUS_MUST_USE;

#endif

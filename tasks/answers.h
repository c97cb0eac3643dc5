/* SPDX-License-Identifier: MIT */
/* A model's answers to many items: texts generated together, each as one column of a pass.
 *
 * A text takes its steps by model/decode.h, as `vkfi run` does, and does not depend on the
 * others. */
#ifndef VKFI_TASKS_ANSWERS_H
#define VKFI_TASKS_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/decode.h"
#include "model/executor.h"
#include "tasks/task.h"

/* Whether a prompt is a user's message in the chat format of the model's file, or plain text. */
enum answers_format {
    ANSWERS_AUTO, /* chat where the file has a template for it */
    ANSWERS_CHAT,
    ANSWERS_PLAIN
};

/* A model's input for an item. */
struct answers_item {
    const int32_t *ids; /* (n_ids) */
    uint32_t n_ids;
    uint32_t key;                   /* its index in the task's data: keys the draws */
    uint32_t first_sample;          /* number of its first sample: keys them too */
    uint32_t n;                     /* most tokens */
    const struct decode_stop *stop; /* (n_stops) */
    uint32_t n_stops;
};

/* Whether prompts become messages. */
bool answers_chats(const struct model *model, enum answers_format format);

/* Memory from `arena`; texts of the item must stay. In chat format only the model's end token ends
 * an answer: stop strings mark where a continued text starts the next example, and a message may
 * hold them. Fewer tokens than asked for if the model's context ends first; STATUS_INPUT (logged
 * with the item): no prompt, or no room for a token after it. */
enum status answers_encode(struct answers_item *out, struct arena *arena, const struct model *model,
                           const struct task_item *item,
                           enum answers_format format) STATUS_MUST_USE;

struct answers_text {
    const char *text;      /* from detokenizer_answer, before the first stop string */
    const int32_t *tokens; /* (n) */
    uint32_t n;
    uint64_t hash; /* of all logit rows, as generation.hash */
    enum decode_end end;
};

struct answers_params {
    struct executor *ex;
    const struct answers_item *item; /* (n_items) */
    uint32_t n_items;
    uint32_t samples; /* of each item, at least 1 */
    /* Of all texts; n and stop strings are the item's, a check must be null. The sampler's seed is
     * that of all items: answers_seed gives each text's own. */
    struct decode_rules rules;
    uint32_t lanes; /* most texts in flight; 0: as many as are useful */
    /* Called for items in order, with (samples) texts. A failure ends the run. */
    enum status (*done)(void *user, uint32_t item, const struct answers_text *text);
    bool (*go_on)(void *user, uint32_t columns); /* after each pass; false ends the run. May be
                                                    null */
    void *user;
};

/* The seed of one text (model/sampler.h): draws are keyed by (seed, item, sample, step). */
uint64_t answers_seed(uint64_t seed, uint32_t key, uint32_t sample);

/* The rules of an item's sample, counted from its first, from those of all texts. */
struct decode_rules answers_rules(const struct decode_rules *all, const struct answers_item *item,
                                  uint32_t sample);

/* Sets positions, branches, pages and columns of `params`, whose model and kv must be set. */
void answers_needs(struct executor_params *params, const struct answers_params *answers);

enum status answers_run(const struct answers_params *params) STATUS_MUST_USE;

#endif

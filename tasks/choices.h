/* SPDX-License-Identifier: MIT */
/* A model's log-likelihood of each of a few continuations of a text.
 *
 * Tokens are split as in lm-evaluation-harness: blanks at the end of a context belong to the
 * continuation, whose tokens are those of both texts together, after as many as the context alone
 * has. */
#ifndef VKFI_TASKS_CHOICES_H
#define VKFI_TASKS_CHOICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/executor.h"
#include "tasks/task.h"

/* A context and its continuation. The column of position p gives the logits of ids[p + 1], so the
 * last id is fed to no column. */
struct choices_row {
    int32_t *ids;              /* (n_ids) */
    uint32_t n_ids, n_context; /* both parts; context, at least 1: ids[n_context ..] are scored */
};

/* A model's input for an item: one row per choice. */
struct choices_item {
    struct choices_row *choice; /* (n_choices) */
    uint32_t n_choices;
    uint32_t n_shared; /* leading positions common to all rows: evaluated once, the rest on one
                          branch per row. All positions where each choice is one token after the
                          same context */
};

/* Memory from `arena`. A context without tokens is the model's begin token, or its end token if it
 * has none. STATUS_INPUT (logged with the item): a choice without tokens, or longer than the
 * model's context. */
enum status choices_encode(struct choices_item *out, struct arena *arena, const struct model *model,
                           const struct task_item *item) STATUS_MUST_USE;

struct choices_score {
    double loglik; /* natural logarithm, of all tokens; NaN if a logit is */
    uint32_t n;    /* tokens */
    uint64_t hash; /* of their logit rows, as generation.hash; 0 unless asked for */
    bool greedy;   /* each token is the model's most likely one */
};

struct choices_params {
    struct executor *ex;
    const struct choices_item *item; /* (n_items) */
    uint32_t n_items;
    uint32_t batch; /* most items in flight; 0: as many as are useful. Scores do not depend on it */
    bool hashes;    /* fill in choices_score.hash */
    /* Called for items in order, with (n_choices) scores. A failure ends the run. */
    enum status (*done)(void *user, uint32_t item, const struct choices_score *score);
    bool (*go_on)(void *user, uint32_t columns); /* after each pass; false ends the run. May be
                                                    null */
    void *user;
};

/* Sets positions, branches, pages and columns of `params`, whose model and kv must be set. */
void choices_needs(struct executor_params *params, const struct choices_params *choices);

enum status choices_run(const struct choices_params *params) STATUS_MUST_USE;

/* Characters of a choice without the blank before it, at least 1: what acc_norm divides by. */
double choices_characters(const char *text);

/* Of one id, from a row of logits (n_vocab) and its sampler_logsumexp. */
static inline double choices_logprob(const float *logits, double total, int32_t id)
{
    return (double)logits[id] - total;
}

#endif

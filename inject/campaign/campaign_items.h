/* SPDX-License-Identifier: MIT */
/* The prompts of a plan as token ids, and the results of their golden runs on the CPU. */
#ifndef VKFI_INJECT_CAMPAIGN_ITEMS_H
#define VKFI_INJECT_CAMPAIGN_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/plan/plan.h"
#include "inject/plan/sample.h"
#include "inject/store/store.h"
#include "inject/trial/golden.h"
#include "model/model.h"

struct campaign_item {
    struct plan_input input;
    const struct plan_question *question; /* null: no score */
    uint32_t base, sample;                /* of its plan_item: keys of its draws */
    const struct golden_choice *choice;   /* (input.choices.n_choices) */

    bool known; /* the golden run is known: */
    uint32_t n_tokens;
    uint64_t hash;         /* of its step hashes */
    const int32_t *tokens; /* (n_tokens); null: of choices */
    struct store_item row;
};

#define CAMPAIGN_RIGHT (1 - 1e-9) /* an answer with this score is right */

/* One for each item of the plan, and so for each sample. STATUS_INPUT if a prompt is empty, holds
 * an unknown id, or does not fit the model's context with its n tokens. */
enum status campaign_items_make(struct campaign_item **out, struct arena *arena,
                                const struct plan *plan, const struct model *model) STATUS_MUST_USE;

/* Executor settings that fit every item. */
struct golden_shape campaign_items_shape(const struct campaign_item *items,
                                         const struct plan *plan);

/* What a golden run gave. */
struct campaign_golden {
    const int32_t *tokens; /* (n_tokens); null: of choices */
    uint32_t n_tokens;     /* of choices: of the longest */
    const double *logp;    /* (n_choices) */
    uint32_t n_choices, chosen;
    uint64_t hash;
    bool underflow;
};

/* The row of an item whose golden run has ended; texts in `arena`, the plan and the item. */
enum status campaign_items_row(struct store_item *out, struct arena *arena,
                               const struct campaign_item *item,
                               const struct campaign_golden *golden,
                               const struct model *model) STATUS_MUST_USE;

/* Takes the golden run of an item from its row, whose texts stay in use. STATUS_INPUT, logged, if
 * it is of another prompt, or can be none of this model. */
enum status campaign_items_take(struct campaign_item *items, struct arena *arena,
                                const struct plan *plan, const struct model *model,
                                const struct store_item *row) STATUS_MUST_USE;

/* The golden runs of a database; those it lacks stay unknown. STATUS_INPUT as above. */
enum status campaign_items_read(struct campaign_item *items, struct arena *arena,
                                const struct store *store, const struct plan *plan,
                                const struct model *model) STATUS_MUST_USE;

/* Writes all items, all known, to a database and fills in their weights. */
enum status campaign_items_write(struct campaign_item *items, struct store *store,
                                 const struct plan *plan) STATUS_MUST_USE;

/* Their sizes for the draw, all known; memory from `arena`, null if it is out. */
struct sample_item *campaign_items_sizes(const struct campaign_item *items, struct arena *arena,
                                         const struct plan *plan);

/* The same before golden runs: answers of as many tokens as they may have, no item left out. */
struct sample_item *campaign_items_longest(const struct campaign_item *items, struct arena *arena,
                                           const struct plan *plan);

/* The plan's sample as drawn by the campaign of a database with all golden runs (STATUS_INPUT,
 * logged, if it does not). Items from `arena`; destroy the sample. */
struct campaign_stored {
    struct campaign_item *item;
    struct sample *sample;
};
enum status campaign_items_stored(struct campaign_stored *out, struct arena *arena,
                                  const struct store *store, const struct plan *plan,
                                  const struct model *model) STATUS_MUST_USE;

#endif

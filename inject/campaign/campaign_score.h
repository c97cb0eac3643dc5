/* SPDX-License-Identifier: MIT */
/* What answers to items of tasks are worth, golden's and the faulty ones. */
#ifndef VKFI_INJECT_CAMPAIGN_SCORE_H
#define VKFI_INJECT_CAMPAIGN_SCORE_H

#include "base/arena.h"
#include "base/status.h"
#include "inject/plan/plan.h"
#include "inject/store/store.h"
#include "inject/store/trial_row.h"

/* Scores and the answers that gave them, each text of an item once, whichever sample it is of. */
struct campaign_score;

/* STATUS_INPUT (logged) where a plan has items of coding tasks and programs cannot be run in a
 * sandbox. */
enum status campaign_score_create(struct campaign_score **out,
                                  const struct plan *plan) STATUS_MUST_USE;
void campaign_score_destroy(struct campaign_score **score);

/* Fills score and answer of an item without choices whose golden text is there; an item without a
 * scorer has none. */
enum status campaign_score_item(struct campaign_score *score, struct arena *arena,
                                struct store_item *item) STATUS_MUST_USE;

/* Fills what a row says of answers, and which SDC it is, given its item with golden's score.
 * Nothing happens to rows whose item has no scorer, or choices, which the record scores. */
enum status campaign_score_row(struct campaign_score *score, struct arena *arena,
                               struct trial_row *row,
                               const struct store_item *item) STATUS_MUST_USE;

#endif

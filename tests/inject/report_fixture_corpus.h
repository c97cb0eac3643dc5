/* SPDX-License-Identifier: MIT */
/* A synthetic campaign's items where they are sentences to translate, in two directions. */
#ifndef VKFI_TESTS_REPORT_FIXTURE_CORPUS_H
#define VKFI_TESTS_REPORT_FIXTURE_CORPUS_H

#include "base/arena.h"
#include "inject/store/store.h"

/* Member "items" of a plan, with a comma; null: no memory. */
const char *report_fixture_corpus_plan(struct arena *arena, uint32_t items);

/* Task, pair, target, answer and score of an item; the answer is null in every tenth, whose text
 * counts then. */
void report_fixture_corpus_item(struct store_item *item, struct arena *arena);

/* Scores, and what SDC made of the sentence: golden's with other words, less often a single word.
 */
void report_fixture_corpus_row(struct trial_row *row, struct arena *arena);

#endif

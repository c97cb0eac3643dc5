/* SPDX-License-Identifier: MIT */
/* What an item's answers are worth: one number a column, the columns being those of its task. */
#ifndef VKFI_TASKS_SCORE_H
#define VKFI_TASKS_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "tasks/task.h"

#define SCORE_COLUMNS 16u

/* A number that items get. Of the metrics of a corpus (BLEU, chrF++) no item has one. */
struct score_column {
    char name[64]; /* as the field writes it: "acc", "exact_match", "pass@10" */
    enum task_metric metric;
    bool corpus;
    const char *rule; /* how answers are taken out of responses (extract.h); "": all of each; null:
                         of choices and programs */
    uint32_t k;       /* pass@k */
};

/* The first one is the one to report. A task with several rules of extraction has a column each:
 * "exact_match" by the first, "exact_match,RULE" by the others. pass@k comes with k of 1, 10, 100
 * and all samples, as far as there are so many. */
struct score_columns {
    struct score_column column[SCORE_COLUMNS];
    uint32_t n;
};

void score_columns(struct score_columns *out, const struct task *task, uint32_t samples);

/* What came of an item; what does not apply is null. */
struct score_answer {
    const double *loglik;        /* (n_choices) */
    const char *const *response; /* (n_responses), at least one where it applies */
    const bool *passed;          /* (n_responses) TASK_CODE: its tests did */
    uint32_t n_responses;
};

struct score {
    double value[SCORE_COLUMNS]; /* by column, from 0 to 1; NaN: of the corpus */
    uint32_t choice;             /* that is the most likely; the first of equals, NaN last */
    const char *const *filtered; /* (n_responses) answers by the first rule; null: none was found */
};

/* acc: the most likely choice is the right one; acc_norm: the same by log-likelihood per character
 * of the choice, a blank before it aside. exact_match: the share of responses whose answer is the
 * target's: equal as numbers, as formulas, as antiderivatives or as texts, by what the rule takes.
 * pass@k: the chance that one of k of the responses passes (unbiased: Chen et al. 2021). Memory
 * from `arena`. */
enum status score_item(struct score *out, struct arena *arena, const struct score_columns *columns,
                       const struct task_item *item,
                       const struct score_answer *answer) STATUS_MUST_USE;

/* Sentences of one corpus, and the language that they are in: "deu_Latn", "de"; "" if unknown. */
struct score_sentences {
    const char *const *hyp, *const *ref; /* (n), at least one */
    size_t n;
    const char *language;
};

/* TASK_BLEU or TASK_CHRF, from 0 to 100, with the 95 % interval of 1,000 bootstrap samples of
 * sentences and sacrebleu's signature, which names them. Memory from `arena`. */
struct score_corpus {
    double value, low, high;
    const char *signature;
};
enum status score_corpus(struct score_corpus *out, struct arena *arena, enum task_metric metric,
                         const struct score_sentences *sentences) STATUS_MUST_USE;

/* Probability that k of n samples drawn without replacement hold one of the `right` ones: 1 - C(n -
 * right, k) / C(n, k), unbiased for k samples of the model (Chen et al. 2021, arXiv:2107.03374).
 * right <= n, 1 <= k <= n; to a few units of the last place, also near 0. */
double score_pass_at_k(uint32_t n, uint32_t right, uint32_t k);

/* The k of pass@k that are told of so many samples: 1, 10, 100 and all, in rising order. Returns
 * their number. */
#define SCORE_PASS_KS 4
uint32_t score_pass_ks(uint32_t out[SCORE_PASS_KS], uint32_t samples);

#endif

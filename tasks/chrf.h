/* SPDX-License-Identifier: MIT */
/* chrF++ (Popovic 2017) of a sentence or a corpus with one reference, as in sacrebleu. */
#ifndef VKFI_TASKS_CHRF_H
#define VKFI_TASKS_CHRF_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "tasks/resample.h"

#define CHRF_CHARS 6 /* orders of n-grams of characters, blanks left out */
#define CHRF_WORDS 2 /* and of words, punctuation cut off */
#define CHRF_ORDERS (CHRF_CHARS + CHRF_WORDS)

/* The counts of a sentence; those of a corpus are the sum over its sentences. */
struct chrf_counts {
    struct chrf_order {
        uint64_t hyp, ref, match; /* n-grams; hyp is 0 if the reference has none */
    } order[CHRF_ORDERS];
};

enum status chrf_count(struct chrf_counts *out, const char *hyp, const char *ref) STATUS_MUST_USE;
void chrf_add(struct chrf_counts *sum, const struct chrf_counts *one);

/* 0 to 100: F-score, recall weighted fourfold (beta 2), of mean precision and recall over the
 * orders in both texts. The counts of one sentence give its own score. */
double chrf_score(const struct chrf_counts *sum);

/* "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0", like bleu_signature. */
const char *chrf_signature(struct arena *arena, const struct resample_params *resamples);

/* For resample_interval. */
extern const struct resample_metric chrf_metric;

#endif

/* SPDX-License-Identifier: MIT */
/* Corpus BLEU (Papineni et al. 2002) with one reference, as in the PyPI package sacrebleu. */
#ifndef VKFI_TASKS_BLEU_H
#define VKFI_TASKS_BLEU_H

#include <stdint.h>

#include "tasks/bleu_tokens.h"
#include "tasks/resample.h"

#define BLEU_ORDERS 4

/* The counts of a sentence; those of a corpus are the sum over its sentences. */
struct bleu_counts {
    uint64_t hyp_size, ref_size; /* words */
    uint64_t match[BLEU_ORDERS]; /* n-grams of the hypothesis in the reference, clipped */
    uint64_t total[BLEU_ORDERS]; /* n-grams of the hypothesis */
};

enum status bleu_count(struct bleu_counts *out, const struct bleu_tokens *tokens, const char *hyp,
                       const char *ref) STATUS_MUST_USE;
void bleu_add(struct bleu_counts *sum, const struct bleu_counts *one);

/* 0 to 100: brevity penalty times the geometric mean of the precisions; the j-th order without a
 * match counts 1 / 2^j (sacrebleu's smoothing "exp"). */
double bleu_score(const struct bleu_counts *sum);

/* "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"; null when memory is out. With
 * resamples also "bs" and "seed". */
const char *bleu_signature(struct arena *arena, const struct bleu_tokens *tokens,
                           const struct resample_params *resamples);

/* For resample_interval. */
extern const struct resample_metric bleu_metric;

#endif

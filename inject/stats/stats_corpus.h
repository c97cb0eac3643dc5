/* SPDX-License-Identifier: MIT */
/* A score of many sentences together, as BLEU, under faults: paired draws of golden and faulty
 * texts. */
#ifndef VKFI_INJECT_STATS_CORPUS_H
#define VKFI_INJECT_STATS_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/stats/stats_interval.h"

/* What a trial made of a sentence. */
struct stats_corpus_text {
    const uint64_t *counts; /* (width) of the score; golden's where the text is golden's */
    double weight;          /* of the trial, in the sentence */
    uint32_t fault;
};

struct stats_corpus_sentence {
    uint32_t part;
    const uint64_t *golden;               /* (width) */
    const struct stats_corpus_text *text; /* (n_texts), at least one */
    uint32_t n_texts;
};

/* The score of several parts, as pairs of languages, is the mean of theirs. */
struct stats_corpus {
    const struct stats_corpus_sentence *sentence; /* (n), by part */
    size_t n;
    uint32_t n_parts;
    size_t width;
    double (*score)(const void *sum); /* of summed counts */
    uint32_t n_faults;                /* shared by sentences: these are drawn too; 0: not shared */
    double chance;                    /* score of a guess */
    uint32_t replicates;              /* at least 40 */
    uint64_t seed;
    struct stats_interval_level level;
};

/* One fault a sentence. The interval of `normalised`, (faulty - chance) / (golden - chance), is
 * that of the ratio of each draw. */
struct stats_corpus_result {
    double golden, faulty, normalised;
    struct stats_interval of_golden, of_change, of_normalised;
};

/* golden: the score of the sentences' golden texts. faulty: the mean score over draws of one faulty
 * text a sentence, by weight. Intervals: percentiles over draws of sentences with replacement in
 * each part, the same for golden and faulty texts (paired bootstrap: Koehn 2004), and of faults
 * where they are shared; a sentence of which no fault is drawn keeps all of its own. STATUS_MEMORY,
 * logged. */
enum status stats_corpus(struct stats_corpus_result *out,
                         const struct stats_corpus *corpus) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* BLEU and chrF++ of many sentences together, by tasks/bleu.h and tasks/chrf.h. */
#include <math.h>
#include <string.h>

#include "tasks/bleu.h"
#include "tasks/chrf.h"
#include "tasks/score.h"

/* Counts of every sentence by one of the two metrics. */
static enum status score_bleu(struct score_corpus *out, struct arena *arena,
                              const struct score_sentences *s,
                              const struct resample_params *resamples)
{
    struct bleu_tokens *tokens = NULL;
    struct bleu_counts *counts = arena_array(arena, s->n, sizeof(*counts)), sum = {0};
    enum status st = counts ? STATUS_OK : STATUS_MEMORY;
    double interval[2];
    if (!st)
        st = bleu_tokens_create(&tokens, bleu_tokens_name(s->language));
    for (size_t i = 0; i < s->n && !st; i++) {
        st = bleu_count(&counts[i], tokens, s->hyp[i], s->ref[i]);
        if (!st)
            bleu_add(&sum, &counts[i]);
    }
    if (!st)
        st = resample_interval(interval, &bleu_metric, counts, s->n, resamples);
    if (!st) {
        *out = (struct score_corpus){bleu_score(&sum), interval[0], interval[1],
                                     bleu_signature(arena, tokens, resamples)};
        st = out->signature ? STATUS_OK : STATUS_MEMORY;
    }
    bleu_tokens_destroy(&tokens);
    return st;
}

static enum status score_chrf(struct score_corpus *out, struct arena *arena,
                              const struct score_sentences *s,
                              const struct resample_params *resamples)
{
    struct chrf_counts *counts = arena_array(arena, s->n, sizeof(*counts)), sum = {0};
    enum status st = counts ? STATUS_OK : STATUS_MEMORY;
    double interval[2];
    for (size_t i = 0; i < s->n && !st; i++) {
        st = chrf_count(&counts[i], s->hyp[i], s->ref[i]);
        if (!st)
            chrf_add(&sum, &counts[i]);
    }
    if (!st)
        st = resample_interval(interval, &chrf_metric, counts, s->n, resamples);
    if (st)
        return st;
    *out = (struct score_corpus){chrf_score(&sum), interval[0], interval[1],
                                 chrf_signature(arena, resamples)};
    return out->signature ? STATUS_OK : STATUS_MEMORY;
}

enum status score_corpus(struct score_corpus *out, struct arena *arena, enum task_metric metric,
                         const struct score_sentences *sentences)
{
    const struct resample_params resamples = {1000, 1};
    return metric == TASK_BLEU ? score_bleu(out, arena, sentences, &resamples)
                               : score_chrf(out, arena, sentences, &resamples);
}

/* SPDX-License-Identifier: MIT */
/* Counts of a sentence, score of a corpus. */
#include "tasks/bleu.h"

#include <inttypes.h>
#include <math.h>

enum status bleu_count(struct bleu_counts *out, const struct bleu_tokens *tokens, const char *hyp,
                       const char *ref)
{
    struct arena arena = {0};
    const struct ngram_word *hyp_words, *ref_words;
    struct ngram_text texts[2] = {{0}};
    *out = (struct bleu_counts){0};
    enum status st = bleu_tokens_split(&hyp_words, &texts[0].n, &arena, tokens, hyp);
    if (!st)
        st = bleu_tokens_split(&ref_words, &texts[1].n, &arena, tokens, ref);
    for (int i = 0; !st && i < 2; i++) {
        texts[i].id = arena_array(&arena, texts[i].n + 1, sizeof(*texts[i].id));
        st = texts[i].id ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st)
        st = ngram_intern(&texts[0], hyp_words, &texts[1], ref_words);
    if (!st)
        st = ngram_match(out->match, BLEU_ORDERS, &texts[0], &texts[1]);
    out->hyp_size = texts[0].n;
    out->ref_size = texts[1].n;
    for (size_t k = 0; k < BLEU_ORDERS; k++)
        out->total[k] = ngram_total(texts[0].n, k + 1);
    arena_finish(&arena);
    return st;
}

void bleu_add(struct bleu_counts *sum, const struct bleu_counts *one)
{
    sum->hyp_size += one->hyp_size;
    sum->ref_size += one->ref_size;
    for (size_t k = 0; k < BLEU_ORDERS; k++) {
        sum->match[k] += one->match[k];
        sum->total[k] += one->total[k];
    }
}

double bleu_score(const struct bleu_counts *sum)
{
    double log_sum = 0, smooth = 1;
    /* Without a match of one word there are no longer ones. */
    if (sum->match[0] == 0)
        return 0;
    for (size_t k = 0; k < BLEU_ORDERS; k++) {
        if (sum->total[k] == 0)
            return 0; /* a corpus too short for this order */
        smooth *= sum->match[k] == 0 ? 2 : 1;
        const double match = sum->match[k] == 0 ? 1 / smooth : (double)sum->match[k];
        log_sum += log(100 * match / (double)sum->total[k]);
    }
    const double hyp = (double)sum->hyp_size, ref = (double)sum->ref_size;
    const double brevity = hyp < ref ? exp(1 - ref / hyp) : 1;
    return brevity * exp(log_sum / BLEU_ORDERS);
}

const char *bleu_signature(struct arena *arena, const struct bleu_tokens *tokens,
                           const struct resample_params *resamples)
{
    const char *drawn = resample_signature(arena, resamples);
    return drawn ? arena_printf(arena, "nrefs:1|%scase:mixed|eff:no|tok:%s|smooth:exp|version:%s",
                                drawn, bleu_tokens_signature(tokens), RESAMPLE_VERSION)
                 : NULL;
}

static double score(const void *sum)
{
    return bleu_score(sum);
}

const struct resample_metric bleu_metric = {sizeof(struct bleu_counts) / sizeof(uint64_t), score};

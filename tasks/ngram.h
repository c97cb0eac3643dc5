/* SPDX-License-Identifier: MIT */
/* n-grams that a text shares with its reference, for BLEU and chrF. */
#ifndef VKFI_TASKS_NGRAM_H
#define VKFI_TASKS_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* A text as ids of words, or as code points. */
struct ngram_text {
    uint32_t *id; /* (n) */
    size_t n;
};

/* A word in a text. */
struct ngram_word {
    const char *at;
    size_t size;
};

/* Ids that are equal if the words are; `out` has room for all words. */
enum status ngram_intern(struct ngram_text *hyp, const struct ngram_word *hyp_words,
                         struct ngram_text *ref,
                         const struct ngram_word *ref_words) STATUS_MUST_USE;

/* match[k] for k < orders: the number of (k+1)-grams of `hyp` in `ref`, each at most as often as
 * there (clipped). STATUS_MEMORY, logged. */
enum status ngram_match(uint64_t *match, size_t orders, const struct ngram_text *hyp,
                        const struct ngram_text *ref) STATUS_MUST_USE;

/* n-grams of order k of a text of n. */
static inline uint64_t ngram_total(size_t n, size_t k)
{
    return n >= k ? n - k + 1 : 0;
}

#endif

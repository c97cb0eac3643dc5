/* SPDX-License-Identifier: MIT */
/* All orders from one sort of the positions: equal n-grams are neighbours in it. */
#define _GNU_SOURCE /* qsort_r */
#include "tasks/ngram.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static enum status say_memory(void)
{
    log_error("found no memory to count n-grams");
    return STATUS_MEMORY;
}

/* A word and the place of its id. */
struct entry {
    struct ngram_word word;
    uint32_t *id;
};

static int compare_words(const void *a, const void *b)
{
    const struct ngram_word *left = &((const struct entry *)a)->word;
    const struct ngram_word *right = &((const struct entry *)b)->word;
    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return left->size > 0 ? memcmp(left->at, right->at, left->size) : 0;
}

enum status ngram_intern(struct ngram_text *hyp, const struct ngram_word *hyp_words,
                         struct ngram_text *ref, const struct ngram_word *ref_words)
{
    const size_t n = hyp->n + ref->n;
    struct entry *entry = calloc(n + 1, sizeof(*entry));
    if (!entry)
        return say_memory();
    for (size_t i = 0; i < n; i++) {
        const bool is_hyp = i < hyp->n;
        const size_t k = is_hyp ? i : i - hyp->n;
        entry[i] = (struct entry){is_hyp ? hyp_words[k] : ref_words[k],
                                  is_hyp ? &hyp->id[k] : &ref->id[k]};
    }
    qsort(entry, n, sizeof(*entry), compare_words);
    uint32_t id = 0;
    for (size_t i = 0; i < n; i++) {
        id += i > 0 && compare_words(&entry[i - 1], &entry[i]) != 0;
        *entry[i].id = id;
    }
    free(entry);
    return STATUS_OK;
}

/* Start of n-grams of up to `size` ids. */
struct start {
    const uint32_t *id;
    uint32_t size;
    bool of_ref;
};

static int compare_starts(const void *a, const void *b, void *n)
{
    const struct start *left = a, *right = b;
    const size_t orders = *(const size_t *)n;
    for (size_t i = 0; i < orders; i++) {
        if (i >= left->size || i >= right->size)
            return (int)(i < left->size) - (int)(i < right->size);
        if (left->id[i] != right->id[i])
            return left->id[i] < right->id[i] ? -1 : 1;
    }
    return 0;
}

static size_t add_starts(struct start *out, const struct ngram_text *text, size_t orders,
                         bool of_ref)
{
    for (size_t i = 0; i < text->n; i++) {
        const size_t left = text->n - i;
        out[i] = (struct start){&text->id[i], (uint32_t)(left < orders ? left : orders), of_ref};
    }
    return text->n;
}

/* Matches of one order: n-grams too short for it are between its groups, never inside one. */
static uint64_t count_matches(const struct start *start, size_t n, size_t order)
{
    uint64_t match = 0, seen[2] = {0, 0};
    const struct start *first = NULL;
    for (size_t i = 0; i <= n; i++) {
        const bool ends = i == n || (start[i].size >= order && first &&
                                     compare_starts(first, &start[i], &order) != 0);
        if (ends) {
            match += seen[0] < seen[1] ? seen[0] : seen[1];
            seen[0] = seen[1] = 0;
            first = NULL;
        }
        if (i == n || start[i].size < order)
            continue;
        first = first ? first : &start[i];
        seen[start[i].of_ref]++;
    }
    return match;
}

enum status ngram_match(uint64_t *match, size_t orders, const struct ngram_text *hyp,
                        const struct ngram_text *ref)
{
    struct start *start = calloc(hyp->n + ref->n + 1, sizeof(*start));
    if (!start)
        return say_memory();
    size_t n = add_starts(start, hyp, orders, false);
    n += add_starts(start + n, ref, orders, true);
    qsort_r(start, n, sizeof(*start), compare_starts, &orders);
    for (size_t k = 0; k < orders; k++)
        match[k] = count_matches(start, n, k + 1);
    free(start);
    return STATUS_OK;
}

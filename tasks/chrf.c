/* SPDX-License-Identifier: MIT */
/* Characters and words of a sentence, score of a corpus. */
#include "tasks/chrf.h"

#include <string.h>

#include "model/utf8.h"
#include "tasks/bleu_tokens.h"

#define BETA_SQUARED 4.0

/* One side's two texts. */
struct side {
    struct ngram_text chars, words;
    const struct ngram_word *word;
};

static bool is_mark(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

/* Cuts one punctuation mark off a word of several characters: its last, else its first. */
static size_t cut(struct ngram_word out[2], struct ngram_word word)
{
    const bool one = utf8_next(word.at, word.size).size == word.size;
    size_t first = word.size;
    if (!one && is_mark(word.at[word.size - 1]))
        first = word.size - 1;
    else if (!one && is_mark(word.at[0]))
        first = 1;
    out[0] = (struct ngram_word){word.at, first};
    out[1] = (struct ngram_word){word.at + first, word.size - first};
    return first < word.size ? 2 : 1;
}

static enum status read_side(struct side *side, struct arena *arena, const char *text)
{
    const struct ngram_word *plain;
    const size_t size = strlen(text);
    size_t n;
    enum status st = bleu_tokens_blanks(&plain, &n, arena, text, size);
    struct ngram_word *word = st ? NULL : arena_array(arena, 2 * n + 1, sizeof(*word));
    side->chars.id = arena_array(arena, size + 1, sizeof(*side->chars.id));
    side->words.id = st ? NULL : arena_array(arena, 2 * n + 1, sizeof(*side->words.id));
    if (st || !word || !side->chars.id || !side->words.id)
        return st ? st : STATUS_MEMORY;
    for (size_t i = 0; i < n; i++) {
        for (size_t at = 0; at < plain[i].size;) {
            const struct utf8_char c = utf8_next(plain[i].at + at, plain[i].size - at);
            side->chars.id[side->chars.n++] = c.kind == UTF8_GOOD ? c.code : 0xFFFD;
            at += c.size;
        }
        side->words.n += cut(&word[side->words.n], plain[i]);
    }
    side->word = word;
    return STATUS_OK;
}

enum status chrf_count(struct chrf_counts *out, const char *hyp, const char *ref)
{
    struct arena arena = {0};
    struct side h = {0}, r = {0};
    uint64_t match[CHRF_ORDERS] = {0};
    *out = (struct chrf_counts){0};
    enum status st = read_side(&h, &arena, hyp);
    if (!st)
        st = read_side(&r, &arena, ref);
    if (!st)
        st = ngram_intern(&h.words, h.word, &r.words, r.word);
    if (!st)
        st = ngram_match(match, CHRF_CHARS, &h.chars, &r.chars);
    if (!st)
        st = ngram_match(match + CHRF_CHARS, CHRF_WORDS, &h.words, &r.words);
    for (size_t k = 0; k < CHRF_ORDERS; k++) {
        const bool chars = k < CHRF_CHARS;
        const size_t order = chars ? k + 1 : k - CHRF_CHARS + 1;
        struct chrf_order *to = &out->order[k];
        to->ref = ngram_total(chars ? r.chars.n : r.words.n, order);
        to->hyp = to->ref > 0 ? ngram_total(chars ? h.chars.n : h.words.n, order) : 0;
        to->match = match[k];
    }
    arena_finish(&arena);
    return st;
}

void chrf_add(struct chrf_counts *sum, const struct chrf_counts *one)
{
    for (size_t k = 0; k < CHRF_ORDERS; k++) {
        sum->order[k].hyp += one->order[k].hyp;
        sum->order[k].ref += one->order[k].ref;
        sum->order[k].match += one->order[k].match;
    }
}

double chrf_score(const struct chrf_counts *sum)
{
    double precision = 0, recall = 0;
    int orders = 0;
    for (size_t k = 0; k < CHRF_ORDERS; k++) {
        const struct chrf_order *order = &sum->order[k];
        if (order->hyp == 0 || order->ref == 0)
            continue;
        precision += (double)order->match / (double)order->hyp;
        recall += (double)order->match / (double)order->ref;
        orders++;
    }
    if (precision + recall == 0)
        return 0;
    precision /= orders;
    recall /= orders;
    return 100 * (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall);
}

const char *chrf_signature(struct arena *arena, const struct resample_params *resamples)
{
    const char *drawn = resample_signature(arena, resamples);
    return drawn
               ? arena_printf(arena, "nrefs:1|%scase:mixed|eff:yes|nc:%d|nw:%d|space:no|version:%s",
                              drawn, CHRF_CHARS, CHRF_WORDS, RESAMPLE_VERSION)
               : NULL;
}

static double score(const void *sum)
{
    return chrf_score(sum);
}

const struct resample_metric chrf_metric = {sizeof(struct chrf_counts) / sizeof(uint64_t), score};

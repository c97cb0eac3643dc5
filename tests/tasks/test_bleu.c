/* SPDX-License-Identifier: MIT */
/* Counts of n-grams against plain counting, and scores of edge cases. Comparison with sacrebleu on
 * whole corpora: bleu_reference.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "tasks/bleu.h"
#include "tasks/chrf.h"

#define ORDERS 5

/* Each n-gram of hyp takes the first free equal one of ref. */
static uint64_t match_by_hand(const struct ngram_text *hyp, const struct ngram_text *ref, size_t n)
{
    bool taken[64] = {false};
    uint64_t match = 0;
    for (size_t i = 0; i + n <= hyp->n; i++) {
        for (size_t k = 0; k + n <= ref->n; k++) {
            if (taken[k] || memcmp(hyp->id + i, ref->id + k, n * sizeof(*hyp->id)) != 0)
                continue;
            taken[k] = true;
            match++;
            break;
        }
    }
    return match;
}

static void ngrams_match(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5, 1);
    for (int i = 0; i < 4000; i++) {
        uint32_t id[2][24];
        struct ngram_text text[2];
        const uint32_t kinds = 1 + (uint32_t)rng_below(&rng, 4);
        for (int side = 0; side < 2; side++) {
            text[side] = (struct ngram_text){id[side], rng_below(&rng, 25)};
            for (size_t k = 0; k < text[side].n; k++)
                id[side][k] = (uint32_t)rng_below(&rng, kinds);
        }
        uint64_t match[ORDERS];
        assert_int_equal(ngram_match(match, ORDERS, &text[0], &text[1]), STATUS_OK);
        for (size_t n = 1; n <= ORDERS; n++)
            assert_int_equal(match[n - 1], match_by_hand(&text[0], &text[1], n));
    }
}

static double bleu_of(const char *tokenizer, const char *hyp, const char *ref)
{
    struct bleu_tokens *tokens;
    struct bleu_counts counts;
    assert_int_equal(bleu_tokens_create(&tokens, tokenizer), STATUS_OK);
    assert_int_equal(bleu_count(&counts, tokens, hyp, ref), STATUS_OK);
    bleu_tokens_destroy(&tokens);
    assert_null(tokens);
    return bleu_score(&counts);
}

static double chrf_of(const char *hyp, const char *ref)
{
    struct chrf_counts counts;
    assert_int_equal(chrf_count(&counts, hyp, ref), STATUS_OK);
    return chrf_score(&counts);
}

static void edges(void **state)
{
    (void)state;
    static const char text[] = "one two three four five";
    assert_true(fabs(bleu_of("13a", text, text) - 100) < 1e-9);
    assert_true(fabs(bleu_of("13a", "one two three four", text) - 100 * exp(1 - 5.0 / 4)) < 1e-9);
    assert_true(bleu_of("13a", "one two three", "one two three") == 0); /* no n-gram of four */
    assert_true(bleu_of("13a", "", text) == 0 && bleu_of("13a", text, "") == 0);
    assert_true(bleu_of("none", "", "") == 0);
    assert_true(bleu_of("13a", "six seven eight nine", text) == 0);
    assert_true(fabs(chrf_of(text, text) - 100) < 1e-9);
    assert_true(chrf_of("", "") == 0 && chrf_of("", text) == 0 && chrf_of(text, "") == 0);
    assert_true(fabs(chrf_of("a", "a") - 100) < 1e-9);
    /* Ill-formed UTF-8 counts as text, and stops nothing. */
    assert_true(isfinite(chrf_of("\xff\xc3", "\xed\xa0\x80 a")));
    assert_true(isfinite(bleu_of("zh", "\xff\xc3", "\xed\xa0\x80 a")));
}

static void names(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"eng_Latn", "13a"},      {"zho_Hans", "zh"}, {"zh", "zh"},
        {"jpn_Jpan", "ja-mecab"}, {"ja", "ja-mecab"}, {"ja-JP", "ja-mecab"},
        {"jav_Latn", "13a"},      {"zha", "13a"},     {"", "13a"}};
    struct bleu_tokens *tokens;
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
        assert_string_equal(bleu_tokens_name(row[i][0]), row[i][1]);
    assert_int_equal(bleu_tokens_create(&tokens, "14a"), STATUS_INPUT);
    assert_null(tokens);
    assert_non_null(strstr(log_last_error(), "found tokenizer '14a', expected 13a, zh"));
}

/* A seed gives the same interval; one sentence has no spread; the score is inside. */
static void intervals(void **state)
{
    (void)state;
    struct chrf_counts counts[20], sum = {0};
    const struct resample_params params = {400, 7}, other = {400, 8};
    double first[2], again[2], third[2];
    for (int i = 0; i < 20; i++) {
        assert_int_equal(
            chrf_count(&counts[i], &"a bird of the cat sat down"[i], "the cat sat down"),
            STATUS_OK);
        chrf_add(&sum, &counts[i]);
    }
    assert_int_equal(resample_interval(first, &chrf_metric, counts, 20, &params), STATUS_OK);
    assert_int_equal(resample_interval(again, &chrf_metric, counts, 20, &params), STATUS_OK);
    assert_int_equal(resample_interval(third, &chrf_metric, counts, 20, &other), STATUS_OK);
    assert_memory_equal(first, again, sizeof(first));
    assert_true(memcmp(first, third, sizeof(first)) != 0);
    assert_true(first[0] < chrf_score(&sum) && chrf_score(&sum) < first[1]);
    assert_int_equal(resample_interval(first, &chrf_metric, counts, 1, &params), STATUS_OK);
    assert_true(first[0] == first[1] && first[0] == chrf_score(&counts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ngrams_match), cmocka_unit_test(edges),
                                       cmocka_unit_test(names), cmocka_unit_test(intervals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

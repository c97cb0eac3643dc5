/* SPDX-License-Identifier: MIT */
/* Corpus scores under faults: by hand, and the coverage of their intervals where the truth is
 * known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "inject/stats/stats_corpus.h"
#include "tasks/bleu.h"

#define WIDTH (sizeof(struct bleu_counts) / sizeof(uint64_t))
#define MOST 64u  /* sentences of a corpus */
#define TEXTS 40u /* of a sentence */
#define RUNS 100  /* corpora of a setting */
#define SEED 20261130

static const struct stats_interval_level LEVEL = {0.95, STATS_INTERVAL_BOTH};

static double share_of(const void *sum)
{
    const uint64_t *count = sum;
    return count[1] > 0 ? (double)count[0] / (double)count[1] : 0;
}

/* Two parts: weights, texts and sentences of both count as they should. */
static void test_by_hand(void **state)
{
    const uint64_t golden[][2] = {{4, 4}, {2, 4}, {1, 10}}, bad[] = {0, 4};
    const struct stats_corpus_text first[] = {{bad, 1, 0}, {golden[0], 3, 1}};
    const struct stats_corpus_text second[] = {{golden[1], 1, 0}};
    const struct stats_corpus_text third[] = {{golden[2], 0.5, 0}};
    const struct stats_corpus_sentence sentence[] = {
        {0, golden[0], first, 2}, {0, golden[1], second, 1}, {1, golden[2], third, 1}};
    struct stats_corpus corpus = {.sentence = sentence,
                                  .n = 3,
                                  .n_parts = 2,
                                  .width = 2,
                                  .score = share_of,
                                  .chance = 0.05,
                                  .replicates = 4000,
                                  .seed = 1,
                                  .level = LEVEL};
    struct stats_corpus_result r, again;
    (void)state;
    assert_int_equal(stats_corpus(&r, &corpus), STATUS_OK);
    /* (6/8 + 1/10) / 2; a quarter of the draws has 2/8 instead of 6/8. */
    assert_true(fabs(r.golden - 0.425) < 1e-12);
    assert_true(fabs(r.faulty - (0.425 - 0.25 * 0.25)) < 4 * 0.25 * 0.433 / sqrt(4000));
    assert_true(fabs(r.normalised - (r.faulty - 0.05) / 0.375) < 1e-12);
    assert_true(r.of_golden.low >= 0.3 - 1e-9 && r.of_golden.high <= 0.55 + 1e-9);
    assert_true(r.of_change.low < -0.1 && fabs(r.of_change.high) < 1e-12);
    assert_int_equal(stats_corpus(&again, &corpus), STATUS_OK);
    assert_memory_equal(&r, &again, sizeof(r));
    corpus.n_faults = 2; /* shared: a draw without fault 1 has no text but bad ones */
    assert_int_equal(stats_corpus(&r, &corpus), STATUS_OK);
    assert_true(fabs(r.faulty - (0.425 - 0.25 * 0.25)) < 0.01);
    assert_true(r.of_change.low < -0.2);
}

struct setting {
    const char *name;
    uint32_t parts, sentences, texts; /* of each part, of each sentence */
    bool shared;                      /* faults, between all sentences */
    double rate;                      /* changed texts, about */
};

static double normal(struct rng *rng)
{
    const double u = 1 - rng_unit(rng), v = rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* A text of `size` words, each right with `quality`. */
static void write_text(struct bleu_counts *out, struct rng *rng, uint32_t size, uint32_t ref,
                       double quality)
{
    double right = quality;
    *out = (struct bleu_counts){.hyp_size = size, .ref_size = ref};
    for (uint32_t k = 0; k < BLEU_ORDERS; k++, right *= 0.4 + 0.5 * quality) {
        out->total[k] = size > k ? size - k : 0;
        for (uint64_t i = 0; i < out->total[k]; i++)
            out->match[k] += rng_unit(rng) < right;
    }
}

struct sentence {
    uint32_t size;
    double quality, weak; /* weak: logit of how readily a fault changes it */
    struct bleu_counts golden;
};

static void draw_sentence(struct sentence *out, struct rng *rng, const struct setting *s)
{
    out->size = 10 + (uint32_t)rng_below(rng, 20);
    out->quality = 0.3 + 0.6 * rng_unit(rng);
    out->weak = log(s->rate / (1 - s->rate)) + normal(rng);
    write_text(&out->golden, rng, out->size, out->size, out->quality);
}

/* The sentence's text under a fault of this strength: golden's, damaged, or cut off. */
static bool strike(struct bleu_counts *out, struct rng *rng, const struct sentence *of,
                   double strong)
{
    *out = of->golden;
    if (rng_unit(rng) >= 1 / (1 + exp(-of->weak - strong)))
        return false;
    const uint32_t size = rng_below(rng, 3) ? of->size : 1 + of->size / 4;
    write_text(out, rng, size, of->size, 0.2 * of->quality);
    return true;
}

/* Scores of very many sentences, one fault each: all parts are alike. */
static void find_truth(double *golden, double *faulty, const struct setting *s)
{
    struct bleu_counts sum[2] = {{0}};
    struct rng rng;
    rng_init(&rng, SEED, 1);
    for (uint32_t i = 0; i < 60000; i++) {
        struct sentence one;
        struct bleu_counts text;
        draw_sentence(&one, &rng, s);
        strike(&text, &rng, &one, s->shared ? 2 * normal(&rng) : 0);
        bleu_add(&sum[0], &one.golden);
        bleu_add(&sum[1], &text);
    }
    *golden = bleu_score(&sum[0]);
    *faulty = bleu_score(&sum[1]);
}

static struct bleu_counts counts[MOST][TEXTS];
static struct sentence sentences[MOST];
static struct stats_corpus_text texts[MOST][TEXTS];
static struct stats_corpus_sentence list[MOST];

static void simulate(struct stats_corpus_result *out, const struct setting *s, uint64_t run)
{
    const uint32_t n = s->parts * s->sentences;
    double strong[TEXTS] = {0};
    struct rng rng;
    rng_init(&rng, SEED, 100 + run);
    for (uint32_t k = 0; k < s->texts && s->shared; k++)
        strong[k] = 2 * normal(&rng);
    for (uint32_t i = 0; i < n; i++) {
        draw_sentence(&sentences[i], &rng, s);
        for (uint32_t k = 0; k < s->texts; k++) {
            strike(&counts[i][k], &rng, &sentences[i], strong[k]);
            texts[i][k] = (struct stats_corpus_text){(const uint64_t *)&counts[i][k], 1, k};
        }
        list[i] = (struct stats_corpus_sentence){
            i / s->sentences, (const uint64_t *)&sentences[i].golden, texts[i], s->texts};
    }
    const struct stats_corpus corpus = {.sentence = list,
                                        .n = n,
                                        .n_parts = s->parts,
                                        .width = WIDTH,
                                        .score = bleu_metric.score,
                                        .n_faults = s->shared ? s->texts : 0,
                                        .replicates = 400,
                                        .seed = run,
                                        .level = LEVEL};
    assert_int_equal(stats_corpus(out, &corpus), STATUS_OK);
}

static bool holds(struct stats_interval of, double truth)
{
    return of.low <= truth && truth <= of.high;
}

static void test_coverage(void **state)
{
    static const struct setting settings[] = {
        {"60 sentences, 4 faults each", 1, 60, 4, false, 0.1},
        {"60 sentences, 20 faults each", 1, 60, 20, false, 0.03},
        {"6 parts of 10, 5 faults each", 6, 10, 5, false, 0.1},
        {"14 parts of 4, 5 faults each", 14, 4, 5, false, 0.1},
        {"60 sentences, 30 faults shared", 1, 60, 30, true, 0.05},
    };
    const size_t n = sizeof(settings) / sizeof(*settings);
    double mean = 0;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct setting *s = &settings[i];
        double golden, faulty, change = 0, normalised = 0, bias = 0;
        find_truth(&golden, &faulty, s);
        for (uint64_t run = 0; run < RUNS; run++) {
            struct stats_corpus_result r;
            simulate(&r, s, run);
            change += holds(r.of_change, faulty - golden) / (double)RUNS;
            normalised += holds(r.of_normalised, faulty / golden) / (double)RUNS;
            bias += (r.faulty - r.golden - faulty + golden) / RUNS;
        }
        mean += (change + normalised) / (2 * n);
        if (change < 0.88 || normalised < 0.88 || fabs(bias) > 0.1 * (golden - faulty))
            fail_msg("%s: covered %.3f and %.3f, bias %.3f", s->name, change, normalised, bias);
        print_message("%s: golden %.2f, faulty %.2f, bias %.3f; covered: change %.3f, normalised "
                      "%.3f\n",
                      s->name, golden, faulty, bias, change, normalised);
    }
    assert_true(mean > 0.92 && mean < 0.985); /* of nominal 0.95: neither too narrow nor too wide */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

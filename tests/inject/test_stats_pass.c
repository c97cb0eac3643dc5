/* SPDX-License-Identifier: MIT */
/* pass@k under faults: chances of one of k samples, and how often intervals hold the truth, for
 * faults of each sample's own and for faults on all samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "inject/stats/stats_pass.h"
#include "tasks/score.h"

#define SEED 20261130
#define MOST 164  /* items */
#define SAMPLES 4 /* of each */
#define FAULTS 60 /* shared */
#define STRATA 3  /* with own weights and strengths, as fields of bits */
#define LEVEL ((struct stats_interval_level){0.95, STATS_INTERVAL_BOTH})

/* With chances 0 and 1 it is the estimator of scores, whatever the order. */
static void test_estimator(void **state)
{
    double right[100];
    (void)state;
    for (uint32_t n = 1; n <= 100; n += n < 12 ? 1 : 11) {
        for (uint32_t c = 0; c <= n; c++) {
            for (uint32_t i = 0; i < n; i++)
                right[(i * 7 + 3) % n] = 0;
            for (uint32_t i = 0; i < n; i++)
                right[i] = i * c / n != (i + 1) * c / n;
            for (uint32_t k = 1; k <= n; k++)
                assert_true(fabs(stats_pass_chance(right, n, k) - score_pass_at_k(n, c, k)) <
                            1e-12);
        }
    }
}

/* The chance is the mean over outcomes of the samples, each by its own chance. */
static void test_chances(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, SEED, 0);
    for (uint32_t n = 1; n <= 8; n++) {
        double right[8];
        for (uint32_t i = 0; i < n; i++)
            right[i] = rng_unit(&rng) * 1.5 - 0.25; /* estimates may lie outside of [0, 1] */
        for (uint32_t k = 1; k <= n; k++) {
            double mean = 0;
            for (uint32_t set = 0; set < 1u << n; set++) {
                double chance = 1;
                uint32_t c = 0;
                for (uint32_t i = 0; i < n; i++) {
                    chance *= set >> i & 1 ? right[i] : 1 - right[i];
                    c += set >> i & 1;
                }
                mean += chance * score_pass_at_k(n, c, k);
            }
            assert_true(fabs(stats_pass_chance(right, n, k) - mean) < 1e-9);
        }
    }
}

/* --- coverage --- */

struct setting {
    const char *name;
    uint32_t items, trials; /* trials of all samples; shared: faults */
    bool shared, strata;
    double fall; /* of right samples, about */
};

static const double WEIGHT[STRATA] = {0.03, 0.25, 0.72}, STRENGTH[STRATA] = {0.5, 2.8, 0.35};

struct item {
    double weak; /* how readily a fault changes its samples */
    bool golden[SAMPLES];
};

/* Items are easy or hard: samples of one agree more than those of two. */
static void draw_item(struct item *out, struct rng *rng)
{
    const double easy = rng_unit(rng), right = easy * easy * (3 - 2 * easy);
    out->weak = -log(1 - rng_unit(rng));
    for (uint32_t s = 0; s < SAMPLES; s++)
        out->golden[s] = rng_unit(rng) < right;
}

static double chance_of_change(const struct setting *s, const struct item *item, uint32_t sample,
                               double strength)
{
    return fmin(s->fall * (item->golden[sample] ? 1 : 0.15) * item->weak * strength, 0.9);
}

static double strength_of(const struct setting *s, uint32_t stratum)
{
    return s->strata ? STRENGTH[stratum] : 1;
}

static double golden_chance(const struct item *item, uint32_t k)
{
    double right[SAMPLES];
    for (uint32_t i = 0; i < SAMPLES; i++)
        right[i] = item->golden[i];
    return stats_pass_chance(right, SAMPLES, k);
}

/* Under one fault on all samples, some of which it changes. */
static double struck_chance(const struct setting *s, const struct item *item, struct rng *rng,
                            double strength, uint32_t k)
{
    double right[SAMPLES];
    for (uint32_t i = 0; i < SAMPLES; i++)
        right[i] = item->golden[i] != (rng_unit(rng) < chance_of_change(s, item, i, strength));
    return stats_pass_chance(right, SAMPLES, k);
}

static double fault_strength(struct rng *rng)
{
    return -log(1 - rng_unit(rng));
}

struct truth {
    double change, error;
};

static double truth_of(const struct setting *s, struct rng *rng, uint32_t k)
{
    struct item item;
    double right[SAMPLES];
    draw_item(&item, rng);
    if (s->shared)
        return struck_chance(s, &item, rng, fault_strength(rng), k) - golden_chance(&item, k);
    for (uint32_t q = 0; q < SAMPLES; q++) {
        double change = 0;
        for (uint32_t h = 0; h < (s->strata ? STRATA : 1); h++)
            change +=
                (s->strata ? WEIGHT[h] : 1) * chance_of_change(s, &item, q, strength_of(s, h));
        right[q] = item.golden[q] ? 1 - change : change;
    }
    return stats_pass_chance(right, SAMPLES, k) - golden_chance(&item, k);
}

/* The change of very many items. */
static struct truth find_truth(const struct setting *s, uint32_t k)
{
    struct rng rng;
    double sum = 0, squares = 0;
    const uint32_t n = 200000;
    rng_init(&rng, SEED, 1);
    for (uint32_t i = 0; i < n; i++) {
        const double change = truth_of(s, &rng, k);
        sum += change;
        squares += change * change;
    }
    return (struct truth){sum / n, sqrt(squares - sum * sum / n) / n};
}

static uint64_t runs; /* of a setting */
static struct item items[MOST];
static double changes[MOST][SAMPLES];
static struct stats_cluster_trial units[MOST * FAULTS];
static struct stats_pass_pair pairs[MOST * FAULTS];
static double scratch[3 * MOST * FAULTS];

static void shuffle(uint32_t *order, uint32_t n, struct rng *rng)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t to = (uint32_t)rng_below(rng, i + 1);
        order[i] = order[to];
        order[to] = i;
    }
}

/* Trials of own faults: of each stratum as many, spread evenly over the samples in random order, as
 * a plan draws them. changes: by weight over the sample's share. */
static void strike(const struct setting *s, struct rng *rng)
{
    static uint32_t order[MOST * SAMPLES];
    const uint32_t strata = s->strata ? STRATA : 1, n = s->items * SAMPLES;
    memset(changes, 0, sizeof(changes));
    shuffle(order, n, rng);
    for (uint32_t h = 0; h < strata; h++) {
        const uint32_t trials = s->trials / strata;
        const double offset = rng_unit(rng), weight = (s->strata ? WEIGHT[h] : 1) / trials;
        for (uint32_t t = 0; t < trials; t++) {
            const uint32_t at = order[(uint32_t)((t + offset) / trials * n) % n];
            const struct item *item = &items[at / SAMPLES];
            const uint32_t q = at % SAMPLES;
            if (rng_unit(rng) < chance_of_change(s, item, q, strength_of(s, h)))
                changes[at / SAMPLES][q] += (item->golden[q] ? -1 : 1) * weight * n;
        }
    }
}

/* changes -> units of one k */
static uint32_t list_items(const struct setting *s, uint32_t k)
{
    for (uint32_t i = 0; i < s->items; i++) {
        double right[SAMPLES];
        for (uint32_t q = 0; q < SAMPLES; q++)
            right[q] = items[i].golden[q] + changes[i][q];
        pairs[i] = (struct stats_pass_pair){golden_chance(&items[i], k),
                                            stats_pass_chance(right, SAMPLES, k)};
        units[i] = (struct stats_cluster_trial){0, i, i, i, true, 0, 1};
    }
    return s->items;
}

static uint32_t list_faults(const struct setting *s, struct rng *rng, uint32_t k)
{
    uint32_t n = 0;
    for (uint32_t f = 0; f < s->trials; f++) {
        const double strength = fault_strength(rng);
        for (uint32_t i = 0; i < s->items; i++) {
            pairs[n] = (struct stats_pass_pair){golden_chance(&items[i], k),
                                                struck_chance(s, &items[i], rng, strength, k)};
            units[n] = (struct stats_cluster_trial){0, i, f, n, true, 0, 1};
            n++;
        }
    }
    return n;
}

static void simulate(struct stats_pass *out, const struct setting *s, uint64_t run, uint32_t k)
{
    struct rng rng;
    struct stats_cluster_stratum stratum = {.weight = 1};
    rng_init(&rng, SEED, 100 + run);
    for (uint32_t i = 0; i < s->items; i++)
        draw_item(&items[i], &rng);
    if (!s->shared)
        strike(s, &rng);
    const uint32_t n = s->shared ? list_faults(s, &rng, k) : list_items(s, k);
    struct stats_cluster_data data = {.trial = units,
                                      .n_trials = n,
                                      .stratum = &stratum,
                                      .n_strata = 1,
                                      .n_items = s->items,
                                      .n_faults = s->shared ? s->trials : n,
                                      .n_cells = n,
                                      .scratch = scratch};
    stats_pass_compare(out, &data, units, pairs, &(struct stats_cluster_request){LEVEL, 1});
}

/* Share of runs whose interval holds the truth. */
static double cover(const struct setting *s, uint32_t k)
{
    const struct truth truth = find_truth(s, k);
    double held = 0, sum = 0, squares = 0, width = 0;
    const double n = (double)runs;
    for (uint64_t run = 0; run < runs; run++) {
        struct stats_pass r;
        simulate(&r, s, run, k);
        held += r.of_change.low <= truth.change && truth.change <= r.of_change.high;
        sum += r.change;
        squares += r.change * r.change;
        width += r.of_change.high - r.of_change.low;
    }
    const double bias = sum / n - truth.change;
    const double error = hypot(sqrt(squares - sum * sum / n) / n, truth.error);
    print_message("%s, k %u: change %.4f, bias %+.4f (%.1f errors); covered %.3f, width %.3f\n",
                  s->name, k, truth.change, bias, bias / error, held / n, width / n);
    if (held / n < (runs < 1000 ? 0.87 : 0.91) || fabs(bias) > 4 * error)
        fail_msg("%s, k %u: covered %.3f, bias %.4f", s->name, k, held / n, bias);
    return held / n;
}

static void test_coverage(void **state)
{
    static const struct setting settings[] = {
        {"40 items, 480 trials", 40, 480, false, false, 0.1},
        {"40 items, 480 trials, 3 strata", 40, 480, false, true, 0.1},
        {"100 items, 300 trials, 3 strata", 100, 300, false, true, 0.1},
        {"164 items, 1000 trials", 164, 1000, false, false, 0.03},
        {"40 items, 30 shared faults", 40, 30, true, false, 0.1},
        {"100 items, 60 shared faults", 100, 60, true, false, 0.03},
    };
    static const uint32_t ks[] = {1, 2, 4};
    const size_t n = sizeof(settings) / sizeof(*settings);
    double mean = 0;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < sizeof(ks) / sizeof(*ks); j++)
            mean += cover(&settings[i], ks[j]) / (double)(3 * n);
    }
    print_message("mean %.4f of nominal 0.95\n", mean);
    assert_true(mean > 0.94 && mean < 0.985); /* few changed items give more */
}

/* usage: test_stats_pass [RUNS]: of a setting, 100 */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimator),
        cmocka_unit_test(test_chances),
        cmocka_unit_test(test_coverage),
    };
    runs = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

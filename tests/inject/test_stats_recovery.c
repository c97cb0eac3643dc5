/* SPDX-License-Identifier: MIT */
/* Recovery: exact in small cases, and its interval covers in simulated campaigns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "inject/stats/stats_recovery.h"

#define MOST 200
#define REPLICATES 400
#define RUNS 1000

static struct stats_recovery_item item[MOST];
static uint32_t times[MOST];
static double scratch[REPLICATES];

static struct stats_recovery recover(uint32_t n)
{
    struct stats_recovery out;
    const struct stats_recovery_params params = {.item = item,
                                                 .n_items = n,
                                                 .level = {0.95, STATS_INTERVAL_BOTH},
                                                 .replicates = REPLICATES,
                                                 .seed = 7,
                                                 .times = times,
                                                 .scratch = scratch};
    stats_recovery_run(&out, &params);
    return out;
}

static void test_exact(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        item[i] = (struct stats_recovery_item){.without = 0, .with = 0};
    struct stats_recovery none = recover(10);
    assert_true(isnan(none.recovery));
    assert_true(isinf(none.bounds.low) && none.bounds.high == 1);

    item[3].without = 4;
    item[3].with = 1;
    const struct stats_recovery one = recover(10); /* a single item with losses: nothing is known */
    assert_true(fabs(one.recovery - 0.75) < 1e-12);
    assert_true(isinf(one.bounds.low) && one.bounds.high == 1);
    assert_true(one.net == 3 && isinf(one.net_bounds.low) && isinf(one.net_bounds.high));

    for (uint32_t i = 0; i < 10; i++)
        item[i] = (struct stats_recovery_item){.without = 2, .with = 0};
    const struct stats_recovery all = recover(10); /* no event among ten */
    assert_true(all.recovery == 1 && all.bounds.high == 1);
    assert_true(fabs(all.bounds.low - pow(0.025, 0.1)) < 1e-12);
    assert_true(all.net == 20 && all.net_bounds.low == 20 && all.net_bounds.high == 20);

    for (uint32_t i = 0; i < 10; i++)
        item[i].with = item[i].without;
    const struct stats_recovery nothing = recover(10);
    assert_true(nothing.recovery == 0 && nothing.bounds.low == 0);
    assert_true(fabs(nothing.bounds.high - (1 - pow(0.025, 0.1))) < 1e-12);

    for (uint32_t i = 0; i < 10; i++)
        item[i].with = item[i].without * (i % 2 ? 3 : 2);
    const struct stats_recovery harm = recover(10);
    assert_true(fabs(harm.recovery + 1.5) < 1e-12);
    assert_true(harm.bounds.low < -1.5 && harm.bounds.high > -1.5 && harm.bounds.high < 0);
    assert_true(fabs(harm.net + 30) < 1e-12);
    assert_true(harm.net_bounds.low < -30 && harm.net_bounds.high > -30);
    assert_true(harm.net_bounds.high < 0);
}

/* Weights of any scale give the same; items without trials do not matter to the estimate. */
static void test_scale(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 0);
    for (uint32_t i = 0; i < 60; i++) {
        item[i].without = (double)rng_below(&rng, 5);
        item[i].with = item[i].without * (rng_below(&rng, 4) == 0);
    }
    const struct stats_recovery a = recover(60);
    for (uint32_t i = 0; i < 60; i++) {
        item[i].without *= 1e-6;
        item[i].with *= 1e-6;
    }
    const struct stats_recovery b = recover(60);
    assert_true(fabs(a.recovery - b.recovery) < 1e-12);
    assert_true(fabs(a.bounds.low - b.bounds.low) < 1e-9);
    assert_true(a.bounds.low < a.recovery && a.recovery < a.bounds.high && a.bounds.high <= 1);
}

struct setting {
    const char *name;
    uint32_t items, trials; /* of each item */
    double rate, recovery;  /* of trials that lose; of these, won back */
    double harm;            /* of masked trials, of which one in 20 is looked at and counts 20 */
};

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double normal(struct rng *rng)
{
    const double u = 1 - rng_unit(rng), v = rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* Items differ in how often a fault hurts (sd 1 on the logit scale). */
static void draw(const struct setting *s, struct rng *rng, double centre)
{
    for (uint32_t i = 0; i < s->items; i++) {
        const double p = logistic(centre + normal(rng));
        item[i] = (struct stats_recovery_item){0};
        for (uint32_t t = 0; t < s->trials; t++) {
            if (rng_unit(rng) < p) {
                item[i].without += 1;
                item[i].with += rng_unit(rng) >= s->recovery;
            } else if (rng_below(rng, 20) == 0) {
                item[i].with += rng_unit(rng) < s->harm ? 20 : 0;
            }
        }
    }
}

/* The mean rate over items. */
static double mean_rate(double centre)
{
    double sum = 0, weight = 0;
    for (double z = -8; z <= 8; z += 0.01) {
        sum += exp(-z * z / 2) * logistic(centre + z);
        weight += exp(-z * z / 2);
    }
    return sum / weight;
}

static void test_coverage(void **state)
{
    static const struct setting settings[] = {
        {"20 items x 50", 20, 50, 0.05, 0.85, 0},
        {"50 items x 50", 50, 50, 0.05, 0.85, 0},
        {"100 items x 100", 100, 100, 0.05, 0.85, 0},
        {"100 items x 100, rate 1 %", 100, 100, 0.01, 0.85, 0},
        {"200 items x 50, recovery 0.95", 200, 50, 0.05, 0.95, 0},
        {"100 items x 100, recovery 0.5", 100, 100, 0.05, 0.5, 0},
        {"200 items x 50, harm 1 %", 200, 50, 0.05, 0.85, 0.01},
    };
    (void)state;
    for (size_t k = 0; k < sizeof(settings) / sizeof(*settings); k++) {
        const struct setting *s = &settings[k];
        const double centre = log(s->rate / (1 - s->rate)), p = mean_rate(centre);
        const double truth = s->recovery - s->harm * (1 - p) / p;
        const double net = s->items * s->trials * (p * s->recovery - (1 - p) * s->harm);
        uint32_t covered = 0, above = 0, known = 0, net_covered = 0;
        double width = 0;
        for (uint32_t run = 0; run < RUNS; run++) {
            struct rng rng;
            rng_init(&rng, 31 + k, run);
            draw(s, &rng, centre);
            const struct stats_recovery r = recover(s->items);
            known += isfinite(r.bounds.low);
            width += isfinite(r.bounds.low) ? r.bounds.high - r.bounds.low : 0;
            covered += r.bounds.low <= truth && truth <= r.bounds.high;
            above += r.bounds.low > truth;
            net_covered += r.net_bounds.low <= net && net <= r.net_bounds.high;
        }
        print_message("%s: %.1f %% covered, true recovery below the lower end %.1f %%, width %.3f; "
                      "net %.1f %%\n",
                      s->name, 100.0 * covered / RUNS, 100.0 * above / RUNS, width / known,
                      100.0 * net_covered / RUNS);
        assert_true(covered >= 0.935 * RUNS); /* 0.95 less two standard errors of RUNS */
        assert_true(above <= 0.04 * RUNS);
        assert_true(net_covered >= 0.92 * RUNS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact), cmocka_unit_test(test_scale),
                                       cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

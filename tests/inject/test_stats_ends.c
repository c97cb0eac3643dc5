/* SPDX-License-Identifier: MIT */
/* Ends of all intervals, over random rates, sizes and levels: none is below the method's
 * precision. */
#include "stats_bench.h"

#include "base/rng.h"
#include "inject/stats/stats_arms.h"
#include "inject/stats/stats_paired.h"
#include "inject/stats/stats_sequence.h"
#include "inject/stats/stats_survival.h"

#define ROUNDS 20000

/* 0, 1 and -1, or distinguishable from them. */
static void expect_end(const char *what, double end)
{
    const double off = fabs(end - round(end));
    if (isnan(end) || (off != 0 && off < STATS_INTERVAL_LEAST))
        fail_msg("%s: found the end %.17g", what, end);
}

static void expect_ends(const char *what, struct stats_interval bounds)
{
    expect_end(what, bounds.low);
    expect_end(what, bounds.high);
    assert_true(bounds.low <= bounds.high);
}

/* Between 10^-a and 10^b, evenly in the exponent. */
static double spread(struct rng *rng, double a, double b)
{
    return pow(10, -a + (a + b) * rng_unit(rng));
}

static struct stats_interval_level any_level(struct rng *rng)
{
    return (struct stats_interval_level){1 - 0.5 * spread(rng, 4, 0),
                                         (enum stats_interval_side)rng_below(rng, 3)};
}

static void test_one_rate(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 11, 0);
    for (int i = 0; i < ROUNDS; i++) {
        const struct stats_interval_level level = any_level(&rng);
        const double n = spread(&rng, 4, 9);
        double rate = rng_below(&rng, 2) ? rng_unit(&rng) : spread(&rng, 18, 0);
        rate = rng_below(&rng, 2) ? rate : 1 - rate;
        expect_ends("Wilson", stats_interval_wilson(rate, n, level));
        expect_ends("Clopper-Pearson", stats_interval_clopper_pearson(rate * n, n, level));
        expect_ends("no event", stats_interval_zero(n, level));
    }
}

/* Two prompts and a few faults: one degree of freedom, n below one. */
static void test_few_clusters(void **state)
{
    struct rng rng;
    bool tiny = false;
    (void)state;
    rng_init(&rng, 12, 0);
    for (int i = 0; i < ROUNDS / 20; i++) {
        const uint32_t items = 2 + (uint32_t)rng_below(&rng, 3),
                       faults = 1 + (uint32_t)rng_below(&rng, 40);
        struct stats_cluster_estimate e, d;
        struct stats_cluster_interval interval;
        struct stats_cluster_data data =
            grid(items, faults, (uint32_t)rng_below(&rng, items * faults + 1));
        stats_cluster_rate(&e, &data);
        const struct stats_cluster_request request = {any_level(&rng), 1};
        stats_cluster_interval(&interval, &e, &request);
        expect_ends("clustered", interval.bounds);
        tiny = tiny || (interval.n < 1 && e.events > 0);
        data.stratum[0].weight = rng_unit(&rng) - 0.5;
        stats_cluster_contrast(&d, &data);
        const struct stats_interval slope = stats_cluster_contrast_interval(&d, request.level);
        if (isfinite(slope.low))
            expect_end("contrast", slope.low);
        if (isfinite(slope.high))
            expect_end("contrast", slope.high);
        const struct stats_arms arms = {
            .first = e, .second = e, .correlation = rng_unit(&rng), .deff_floor = {1, 1}};
        expect_ends("arms", stats_arms_interval(&arms, request.level));
    }
    assert_true(tiny); /* what once printed ends such as 3e-174 */
}

static void test_others(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 13, 0);
    for (int i = 0; i < ROUNDS / 20; i++) {
        const struct stats_interval_level level = any_level(&rng);
        const double n = spread(&rng, 2, 5), b = n * rng_unit(&rng) / 2,
                     c = rng_below(&rng, 3) ? b : 0;
        const struct stats_paired_table table = {0, b, c, n - b - c};
        expect_ends("pairs", stats_paired_interval(&table, level));
        const double whole = floor(spread(&rng, 0, 4));
        expect_ends("sequence",
                    stats_sequence_bernoulli(floor(whole * rng_unit(&rng)), whole, level));
        double time[6] = {0, 1, 2, 3, 4, 5};
        uint64_t events[6], censored[6];
        struct stats_survival_point curve[6];
        for (int t = 0; t < 6; t++) {
            events[t] = rng_below(&rng, 3);
            censored[t] = rng_below(&rng, 2) + (t == 5);
        }
        stats_survival_curve(curve, &(struct stats_survival_input){time, events, censored, 6},
                             level);
        for (int t = 0; t < 6; t++)
            expect_ends("survival", curve[t].bounds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_rate),
        cmocka_unit_test(test_few_clusters),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

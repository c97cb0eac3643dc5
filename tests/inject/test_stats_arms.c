/* SPDX-License-Identifier: MIT */
/* Differences of two arms: published intervals, p-values that agree with them, error rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "inject/stats/stats_arms.h"

#define MOST 2000

static struct stats_cluster_trial trial[MOST];
static struct stats_cluster_stratum stratum[2];
static double scratch[3 * MOST];

static const struct stats_interval_level both90 = {0.90, STATS_INTERVAL_BOTH};
static const struct stats_interval_level both95 = {0.95, STATS_INTERVAL_BOTH};

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

/* Trials of two strata in `trial`, n each, as arms. */
static struct stats_arms arms_of(uint32_t n)
{
    struct stats_arms arms = {.deff_floor = {1, 1}};
    struct stats_cluster_data data = {trial, 2 * n, stratum, 2, 2 * n, 2 * n, 2 * n, scratch};
    struct stats_cluster_estimate difference;
    stratum[0] = (struct stats_cluster_stratum){.weight = 1};
    stratum[1] = (struct stats_cluster_stratum){.weight = -1};
    stats_cluster_contrast(&difference, &data);
    data = (struct stats_cluster_data){trial, n, stratum, 1, 2 * n, 2 * n, 2 * n, scratch};
    stratum[0] = (struct stats_cluster_stratum){.weight = 1};
    stats_cluster_rate(&arms.first, &data);
    for (uint32_t k = n; k < 2 * n; k++)
        trial[k].stratum = 0;
    data.trial += n;
    stats_cluster_rate(&arms.second, &data);
    arms.correlation = stats_arms_correlation(&arms, &difference);
    return arms;
}

/* Every trial alone; the first ones of each arm are events. */
static struct stats_arms counts(uint32_t n, uint32_t first, uint32_t second)
{
    for (uint32_t k = 0; k < 2 * n; k++) {
        const bool event = k < n ? k < first : k - n < second;
        trial[k] = (struct stats_cluster_trial){k >= n, k, k, k, true, event, 1};
    }
    return arms_of(n);
}

static void test_few_events_are_not_equivalent(void **state)
{
    struct stats_arms arms = counts(100, 1, 0);
    const struct stats_interval i = stats_arms_interval(&arms, both90);
    (void)state;
    /* Newcombe's with Wilson's sides: -1.7 to 4.4 points; ours are exact where events are few */
    assert_true(i.low < -0.017 && i.low > -0.04 && i.high > 0.044 && i.high < 0.06);
    assert_true(1 - stats_arms_above(&arms, 0.03) > 0.05);
    /* none at all: 3.0 / 4000 of a point say that the arms are equivalent within 5 points */
    arms = counts(1000, 0, 0);
    assert_true(stats_arms_above(&arms, -0.05) < 1e-6);
    assert_true(1 - stats_arms_above(&arms, 0.05) < 1e-6);
    assert_true(stats_arms_above(&arms, 0) >= 0.5);
    /* 9 of 9 against none of 9: Fisher's exact test gives 2.1e-5 */
    arms = counts(9, 9, 0);
    assert_true(stats_arms_above(&arms, 0) < 1e-3);
    arms = counts(9, 0, 9);
    assert_true(stats_arms_above(&arms, 0) > 0.999);
}

/* With many events the interval is Newcombe's (1998, table II (a): 56/70 - 48/80). */
static void test_many_events_are_newcombes(void **state)
{
    struct stats_arms arms = counts(1000, 300, 250);
    const struct stats_interval expected = stats_interval_difference(
        &(struct stats_interval_pair){0.3, 0.25, stats_interval_wilson(0.3, 1000, both95),
                                      stats_interval_wilson(0.25, 1000, both95), 0});
    const struct stats_interval found = stats_arms_interval(&arms, both95);
    (void)state;
    assert_near(found.low, expected.low, 3e-4);
    assert_near(found.high, expected.high, 3e-4);
}

static void test_p_is_where_the_bound_turns(void **state)
{
    static const uint32_t events[][2] = {{1, 0}, {5, 2}, {30, 12}, {12, 30}, {100, 40}, {20, 20}};
    (void)state;
    for (size_t c = 0; c < sizeof(events) / sizeof(*events); c++) {
        struct stats_arms arms = counts(200, events[c][0], events[c][1]);
        for (double null = -0.1; null <= 0.1; null += 0.05) {
            const double p = stats_arms_above(&arms, null), tail = fmin(p, 1 - p);
            if (tail < 1e-11 || tail >= 0.5)
                continue;
            const struct stats_interval i = stats_arms_interval(
                &arms, (struct stats_interval_level){1 - 2 * tail, STATS_INTERVAL_BOTH});
            assert_near(p < 0.5 ? i.low : i.high, null, 1e-6);
        }
    }
}

static void test_nothing_known_of_a_side(void **state)
{
    struct stats_arms arms = counts(50, 20, 10);
    (void)state;
    arms.second.rate = NAN;
    assert_true(isnan(stats_arms_above(&arms, 0)));
    const struct stats_interval i = stats_arms_interval(&arms, both95);
    assert_true(i.low == -1 && i.high == 1);
    arms = counts(50, 20, 10);
    arms.first.whole = arms.second.whole = true; /* both known: so is the difference */
    assert_true(stats_arms_above(&arms, 0) == 0 && stats_arms_above(&arms, 0.3) == 1);
}

/* n trials an arm: each alone, or n / 20 of each of 20 items that move both arms alike. */
static void draw(struct rng *rng, uint32_t n, const double rate[2], bool items)
{
    double shift[20];
    for (int i = 0; i < 20; i++)
        shift[i] = items ? 1 + (i % 2 ? 0.5 : -0.5) : 1;
    for (uint32_t k = 0; k < 2 * n; k++) {
        const uint32_t item = k % 20;
        const double p = rate[k >= n] * shift[item];
        trial[k] = (struct stats_cluster_trial){k >= n, items ? item : k,  k, k,
                                                true,   rng_unit(rng) < p, 1};
    }
}

/* At a difference equal to the margin, equivalence must be claimed in 5 % of campaigns. */
static void test_equivalence_keeps_its_error_rate(void **state)
{
    static const struct {
        uint32_t n;
        double rate[2];
        bool items;
    } cases[] = {
        {100, {0.03, 0}, false},    {300, {0.03, 0}, false},  {100, {0.05, 0.02}, false},
        {300, {0.05, 0.02}, false}, {100, {0.4, 0.2}, false}, {300, {0.3, 0.2}, false},
        {100, {0.15, 0.05}, false}, {100, {0.4, 0.2}, true},  {300, {0.3, 0.2}, true},
        {300, {0.08, 0.02}, true},
    };
    struct rng rng;
    (void)state;
    rng_init(&rng, 8, 0);
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        const double margin = cases[c].rate[0] - cases[c].rate[1];
        uint32_t equal = 0, greater = 0;
        const uint32_t campaigns = 4000;
        for (uint32_t r = 0; r < campaigns; r++) {
            draw(&rng, cases[c].n, cases[c].rate, cases[c].items);
            const struct stats_arms arms = arms_of(cases[c].n);
            const struct stats_interval i = stats_arms_interval(&arms, both90);
            equal += i.low > -margin && i.high < margin;
            greater += i.low > margin;
        }
        print_message("n = %u, %g against %g%s: equivalent %.4f, beyond %.4f\n", cases[c].n,
                      cases[c].rate[0], cases[c].rate[1], cases[c].items ? ", items" : "",
                      (double)equal / campaigns, (double)greater / campaigns);
        assert_true(equal <= 0.06 * campaigns && greater <= 0.06 * campaigns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_events_are_not_equivalent),
        cmocka_unit_test(test_many_events_are_newcombes),
        cmocka_unit_test(test_p_is_where_the_bound_turns),
        cmocka_unit_test(test_nothing_known_of_a_side),
        cmocka_unit_test(test_equivalence_keeps_its_error_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

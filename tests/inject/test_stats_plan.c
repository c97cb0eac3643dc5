/* SPDX-License-Identifier: MIT */
/* Numbers of trials against published tables, and looks: sequences and spent alpha. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "inject/stats/stats_plan.h"
#include "inject/stats/stats_sequence.h"
#include "inject/stats/stats_special.h"
#include "inject/stats/stats_spending.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * (expected == 0 ? 1 : fabs(expected))))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void test_leveugle(void **state)
{
    static const struct {
        struct stats_plan_leveugle goal;
        uint64_t trials;
    } rows[] = {
        /* large populations, p = 0.5: fault-injection 6 */
        {{0, 0.05, 0.95, 0.5}, 385},
        {{0, 0.03, 0.95, 0.5}, 1068},
        {{0, 0.01, 0.95, 0.5}, 9604},
        {{0, 0.05, 0.99, 0.5}, 664},
        {{0, 0.01, 0.99, 0.5}, 16588},
        {{0, 0.01, 0.95, 0.02}, 753},
        {{0, 0.01, 0.99, 0.02}, 1301},
        /* 1000 / (1 + 0.0025 999 / 0.9604), and the same of 1e6 */
        {{1000, 0.05, 0.95, 0.5}, 278},
        {{1e6, 0.01, 0.95, 0.5}, 9513},
        {{10, 0.01, 0.95, 0.5}, 10},
        {{0, 0, 0.95, 0.5}, STATS_PLAN_NEVER},
        {{0, NAN, 0.95, 0.5}, STATS_PLAN_NEVER},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(stats_plan_leveugle(&rows[i].goal), rows[i].trials);
}

/* The answer meets the goal, and one trial less does not. */
static void test_trials_are_the_fewest(void **state)
{
    static const struct stats_plan_goal goals[] = {
        {STATS_PLAN_HALF_WIDTH, 0.01, 0.95, 0.02, 1, 0},
        {STATS_PLAN_HALF_WIDTH, 0.01, 0.99, 0.5, 1, 0},
        {STATS_PLAN_RELATIVE, 0.2, 0.95, 0.054, 1, 0},
        {STATS_PLAN_UPPER_BOUND, 0.02, 0.95, 0.012, 1, 0},
        {STATS_PLAN_UPPER_BOUND, 3e-4, 0.95, 0, 1, 0},
        {STATS_PLAN_HALF_WIDTH, 0.01, 0.95, 0.05, 1, 5000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(goals); i++) {
        const uint64_t n = stats_plan_trials(&goals[i]);
        assert_true(n > 1 && n < 100000);
        assert_true(stats_plan_expected(&goals[i], n + 1) <= goals[i].target);
        assert_true(stats_plan_expected(&goals[i], n - 2) > goals[i].target);
    }
    assert_int_equal(stats_plan_trials(&goals[4]), 9985);
    struct stats_plan_goal goal = goals[2];
    const uint64_t independent = stats_plan_trials(&goal);
    goal.design_effect = 4;
    assert_int_equal(stats_plan_trials(&goal), 4 * independent);
    /* a census at most; a bound below the rate never */
    goal.population = 1000;
    assert_true(stats_plan_trials(&goal) <= 1000);
    assert_near(stats_plan_expected(&goal, 1000), 0, 0);
    goal = (struct stats_plan_goal){STATS_PLAN_UPPER_BOUND, 0.01, 0.95, 0.02, 1, 0};
    assert_true(stats_plan_trials(&goal) == STATS_PLAN_NEVER);
    goal = (struct stats_plan_goal){STATS_PLAN_RELATIVE, 0.1, 0.95, 0, 1, 0};
    assert_true(stats_plan_trials(&goal) == STATS_PLAN_NEVER);
}

static void test_gate_power(void **state)
{
    const struct stats_plan_gate gate = {0.02, 0.01, 0.95, 0.8};
    const struct stats_plan_gate hopeless = {0.02, 0.02, 0.95, 0.8};
    const struct stats_plan_gate silent = {0.02, 0, 0.95, 0.999};
    (void)state;
    const uint64_t n = stats_plan_gate_trials(&gate);
    assert_true(stats_plan_gate_power(&gate, n) >= 0.8);
    for (uint64_t fewer = 1; fewer < n; fewer++)
        assert_true(stats_plan_gate_power(&gate, fewer) < 0.8);
    assert_true(stats_plan_gate_trials(&hopeless) == STATS_PLAN_NEVER);
    /* 0.98^n <= 0.05 from n = 149 */
    assert_int_equal(stats_plan_gate_trials(&silent), 149);
    assert_near(stats_plan_gate_power(&silent, 148), 0, 0);
    /* at a rate equal to the limit it passes with at most 5 % */
    assert_true(stats_plan_gate_power(&hopeless, 5000) <= 0.05);
}

static void test_arms(void **state)
{
    static const struct {
        struct stats_plan_arms arms;
        uint64_t trials;
    } rows[] = {
        {{0.02, 0.01, 0.95, 0.8}, 2319},
        {{0.05, 0.025, 0.95, 0.8}, 906},
        {{0.01, 0.001, 0.95, 0.8}, 1059},
        {{0.01, 0.01, 0.95, 0.8}, STATS_PLAN_NEVER},
    };
    const struct stats_plan_arms pairs = {0.2, 0.1, 0.95, 0.9};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(stats_plan_two_arms(&rows[i].arms), rows[i].trials);
    /* (1.959964 sqrt(0.3) + 1.281552 sqrt(0.29))^2 / 0.01 = 311.17 */
    assert_int_equal(stats_plan_pairs(&pairs), 312);
}

static void test_allocation(void **state)
{
    const double weight[] = {0.9, 0.1}, rate[] = {0.01, 0.5}, cost[] = {1, 4};
    struct stats_plan_strata strata = {weight, rate, NULL, 2};
    double share[2];
    (void)state;
    stats_plan_allocation(share, &strata);
    assert_near(share[0], 0.9 * sqrt(0.0099) / (0.9 * sqrt(0.0099) + 0.05), 1e-12);
    assert_near(share[0] + share[1], 1, 1e-12);
    const double equal_cost = share[1];
    strata.cost = cost;
    stats_plan_allocation(share, &strata);
    assert_true(share[1] < equal_cost);
}

static void test_components_of_a_pilot(void **state)
{
    /* four items of ten trials: mean squares 10 (0.04 + 0 + 0 + 0.04) / 3 and 7.2 / 36 */
    const uint64_t events[] = {1, 3, 3, 5}, trials[] = {10, 10, 10, 10};
    const struct stats_plan_pilot pilot = {events, trials, 4};
    const struct stats_plan_pilot single = {events, trials, 1};
    struct stats_plan_components c;
    (void)state;
    stats_plan_components(&c, &pilot);
    const double within = (0.9 + 2.1 + 2.1 + 2.5) / 36, mean_square = 0.8 / 3;
    assert_near(c.rate, 0.3, 1e-12);
    assert_near(c.within, within, 1e-12);
    assert_near(c.between, (mean_square - within) / 10, 1e-12);
    assert_near(c.correlation, c.between / (c.between + within), 1e-12);
    assert_int_equal(stats_plan_trials_per_item(&c, 40, 1),
                     (uint64_t)round(sqrt(40 * within / c.between)));
    assert_near(stats_plan_design_effect(0.02, 101), 3, 1e-12);
    c.between = 0;
    assert_true(stats_plan_trials_per_item(&c, 40, 1) == STATS_PLAN_NEVER);
    stats_plan_components(&c, &single);
    assert_true(isnan(c.between));
}

static void test_sequence_of_trials(void **state)
{
    const struct stats_interval_level both = {0.95, STATS_INTERVAL_BOTH};
    const struct stats_interval_level up = {0.95, STATS_INTERVAL_UPPER};
    (void)state;
    const struct stats_interval s = stats_sequence_bernoulli(540, 10000, both);
    const struct stats_interval w = stats_interval_wilson(0.054, 10000, both);
    /* wider than one look, by less than a factor 2 */
    assert_true(s.low < w.low && s.high > w.high);
    assert_true(s.high - s.low < 2 * (w.high - w.low));
    assert_near(stats_sequence_bernoulli(540, 10000, up).low, 0, 0);
    /* capital at the bound is 1 / tail: here one bet of m (1 + g) = 0 alone would need
     * (1 - m)^-n = 20, the average of 40 bets at most ln(40) more in the exponent */
    const double silent = stats_sequence_bernoulli(0, 1000, up).high;
    assert_true(silent >= -expm1(log(0.05) / 1000) && silent <= -expm1(log(0.05 / 40) / 1000));
    /* the other event: bounds mirror in kind, and stay within [0, 1] */
    const struct stats_interval all = stats_sequence_bernoulli(1000, 1000, both);
    assert_true(all.high == 1 && all.low > 0.98 && all.low < 1);
    assert_true(stats_sequence_bernoulli(0, 0, both).high == 1);
    assert_true(stats_sequence_bernoulli(NAN, 10, both).high == 1);
}

static void test_sequence_of_items(void **state)
{
    const struct stats_interval_level both = {0.95, STATS_INTERVAL_BOTH};
    double x[400];
    (void)state;
    for (size_t i = 0; i < COUNT(x); i++)
        x[i] = i % 20 == 0;
    const struct stats_interval binary = stats_sequence_bernoulli(20, 400, both);
    struct stats_interval bounded = stats_sequence_bounded(x, COUNT(x), both);
    assert_near(bounded.low, binary.low, 1e-9);
    assert_near(bounded.high, binary.high, 1e-9);
    /* items that agree more are more informative */
    for (size_t i = 0; i < COUNT(x); i++)
        x[i] = 0.04 + 0.02 * (double)(i % 2);
    bounded = stats_sequence_bounded(x, COUNT(x), both);
    assert_true(bounded.low < 0.05 && 0.05 < bounded.high);
    assert_true(bounded.high - bounded.low < 0.6 * (binary.high - binary.low));
    x[3] = 1.5;
    assert_true(stats_sequence_bounded(x, COUNT(x), both).high == 1);
}

/* Ville's inequality, observed: a true mean is rejected in at most 5 % of all sequences, however
 * often they are looked at, on either side and wherever the mean lies. */
static void test_sequence_errs_seldom(void **state)
{
    static const struct stats_interval_level levels[] = {{0.95, STATS_INTERVAL_UPPER},
                                                         {0.95, STATS_INTERVAL_LOWER}};
    static const double means[] = {0.02, 0.3, 0.65, 0.97};
    const double one[] = {1}, near[] = {0.683, 0.683, 0.683};
    struct rng rng;
    double x[100];
    (void)state;
    rng_init(&rng, 20240611, 3);
    for (size_t c = 0; c < COUNT(means) * COUNT(levels); c++) {
        const double mean = means[c / COUNT(levels)];
        uint32_t wrong = 0;
        for (uint32_t run = 0; run < 2000; run++) {
            for (size_t i = 0; i < COUNT(x); i++)
                x[i] = rng_unit(&rng) < mean;
            wrong += stats_sequence_first(x, COUNT(x), mean, levels[c % COUNT(levels)]) > 0;
        }
        print_message("mean %.2f, %s bound: %.2f %% given up\n", mean, c % 2 ? "lower" : "upper",
                      wrong / 20.);
        assert_true(wrong <= 130); /* 5 % and three standard errors */
    }
    /* what was seen has at least the probability m^n: nothing above tail^(1/n) can be ruled out */
    assert_true(stats_sequence_bounded(one, 1, levels[1]).low <= 0.05);
    assert_true(stats_sequence_bounded(near, 3, levels[1]).low <= 0.683 * cbrt(0.05));
    assert_true(stats_sequence_bernoulli(1, 1, levels[1]).low <= 0.05);
}

/* The first of all prefixes whose bound leaves a mean out, and 0 where none does. */
static void test_sequence_is_decided_once(void **state)
{
    static const struct stats_interval_level levels[] = {{0.95, STATS_INTERVAL_UPPER},
                                                         {0.95, STATS_INTERVAL_LOWER}};
    static const double means[] = {0.01, 0.06, 0.08, 0.1, 0.2, 0.5, 0.9};
    double x[300];
    uint32_t decided = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(x); i++) /* quiet, then a burst: a bound may come back */
        x[i] = i < 100 ? 0.02 * (double)(i % 4) : i < 150 ? 0.3 : 0.05;
    for (size_t c = 0; c < COUNT(means) * COUNT(levels); c++) {
        const double mean = means[c / 2];
        const struct stats_interval_level level = levels[c % 2];
        size_t first = 0;
        for (size_t n = 1; n <= COUNT(x) && first == 0; n++) {
            const struct stats_interval bounds = stats_sequence_bounded(x, n, level);
            first = bounds.high < mean || bounds.low > mean ? n : 0;
        }
        assert_int_equal(stats_sequence_first(x, COUNT(x), mean, level), first);
        if (first > 1)
            assert_int_equal(stats_sequence_first(x, first - 1, mean, level), 0);
        decided += first > 0;
    }
    assert_true(decided > 4 && decided < COUNT(means) * COUNT(levels));
    assert_int_equal(stats_sequence_first(x, COUNT(x), 0, levels[1]), 0);
    assert_int_equal(stats_sequence_first(x, COUNT(x), 1, levels[0]), 0);
}

static void test_looks(void **state)
{
    /* five equal looks, one-sided 2.5 %: Lan and DeMets 1983 with O'Brien and Fleming's kind;
     * Pocock's kind after the program of Reboussin, DeMets, Kim, Lan 2000 */
    static const double t[] = {0.2, 0.4, 0.6, 0.8, 1}, unsorted[] = {0.5, 0.5};
    static const double late[] = {4.8769, 3.3569, 2.6803, 2.2898, 2.0310};
    static const double even[] = {2.4380, 2.4268, 2.4101, 2.3966, 2.3859};
    struct stats_spending_looks looks = {STATS_SPENDING_OBRIEN_FLEMING, 0.025, t, 5};
    double boundary[5], level[5];
    (void)state;
    stats_spending_boundaries(boundary, level, &looks);
    for (int k = 0; k < 5; k++) {
        assert_near(boundary[k], late[k], 5e-5);
        assert_near(level[k], stats_special_normal(-boundary[k]), 1e-12);
    }
    looks.kind = STATS_SPENDING_POCOCK;
    stats_spending_boundaries(boundary, level, &looks);
    for (int k = 0; k < 5; k++)
        assert_near(boundary[k], even[k], 5e-4);
    assert_near(stats_spending_spent(STATS_SPENDING_POCOCK, 0.05, 1), 0.05, 1e-12);
    assert_near(stats_spending_spent(STATS_SPENDING_OBRIEN_FLEMING, 0.05, 1), 0.05, 1e-12);
    /* one look is the plain test */
    looks.t = t + 4;
    looks.count = 1;
    stats_spending_boundaries(boundary, level, &looks);
    assert_near(boundary[0], 1.959963984540054, 1e-9);
    looks.t = unsorted;
    looks.count = 2;
    stats_spending_boundaries(boundary, level, &looks);
    assert_true(isnan(boundary[0]) && isnan(level[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leveugle),
        cmocka_unit_test(test_trials_are_the_fewest),
        cmocka_unit_test(test_gate_power),
        cmocka_unit_test(test_arms),
        cmocka_unit_test(test_allocation),
        cmocka_unit_test(test_components_of_a_pilot),
        cmocka_unit_test(test_sequence_of_trials),
        cmocka_unit_test(test_sequence_of_items),
        cmocka_unit_test(test_sequence_errs_seldom),
        cmocka_unit_test(test_sequence_is_decided_once),
        cmocka_unit_test(test_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

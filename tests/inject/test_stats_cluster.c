/* SPDX-License-Identifier: MIT */
/* Stratified, clustered rates: hand-computed examples, limiting designs, unknown rates. */
#include "stats_bench.h"

#include "base/rng.h"
#include "inject/stats/stats_bootstrap.h"
#include "inject/stats/stats_gate.h"

static void make_independent(size_t n)
{
    for (uint32_t k = 0; k < n; k++)
        trial[k].item = trial[k].fault = k;
}

static void test_independent_trials_give_wilson(void **state)
{
    struct stats_cluster_data data = grid(10, 100, 54);
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    (void)state;
    make_independent(1000);
    stats_cluster_rate(&e, &data);
    assert_near(e.rate, 0.054, 1e-14);
    assert_near(e.variance, 0.054 * 0.946 / 999, 1e-12); /* s^2 / n */
    assert_near(e.design_effect, 1000. / 999, 1e-12);
    assert_near(e.n_proportional, 1000, 1e-12);
    assert_int_equal(stratum[0].events, 54);
    assert_int_equal(stratum[0].items, 1000);
    stats_cluster_interval(&i, &e, &two_sided);
    assert_int_equal(i.method, STATS_CLUSTER_SCORE);
    const struct stats_interval wilson = stats_interval_wilson(0.054, 1000, two_sided.level);
    assert_near(i.bounds.low, wilson.low, 2e-3);
    assert_near(i.bounds.high, wilson.high, 2e-3);
}

static void test_two_by_two_by_hand(void **state)
{
    /* item 0: 1 1, item 1: 1 0; p = 3/4, residuals 1/4 1/4 | 1/4 -3/4, over n = 4 */
    struct stats_cluster_data data = grid(2, 2, 0);
    struct stats_cluster_estimate e;
    (void)state;
    trial[0].value = trial[1].value = trial[2].value = 1;
    stats_cluster_rate(&e, &data);
    assert_near(e.v_item, 2 * (0.25 + 0.25) / 16, 1e-14);
    assert_near(e.v_fault, 2 * (0.25 + 0.25) / 16, 1e-14);
    assert_near(e.v_cell, 4. / 3 * 0.75 / 16, 1e-14);
    assert_near(e.variance, 1. / 16, 1e-14);
    assert_near(e.n_effective, 3, 1e-14);
    assert_near(e.design_effect, 4. / 3, 1e-14);
    assert_true(e.df <= 1);
}

static void test_whole_items_count_once(void **state)
{
    /* all trials of an item agree: 20 items, 5 of them always wrong; each fault is its own */
    struct stats_cluster_data data = grid(20, 30, 0);
    struct stats_cluster_estimate e;
    (void)state;
    for (uint32_t k = 0; k < 600; k++) {
        trial[k].fault = k;
        trial[k].value = trial[k].item % 4 == 0;
    }
    stats_cluster_rate(&e, &data);
    assert_near(e.variance, 0.25 * 0.75 / 19, 1e-12); /* that of 20 items */
    assert_near(e.n_effective, 19, 1e-12);
    assert_true(e.df > 15 && e.df <= 19);
    /* the same the other way round: faults that decide, items that do not */
    for (uint32_t k = 0; k < 600; k++) {
        const uint32_t item = trial[k].item;
        trial[k].item = trial[k].fault;
        trial[k].fault = item;
    }
    stats_cluster_rate(&e, &data);
    assert_near(e.n_effective, 19, 1e-12);
}

static void test_one_item_leaves_the_faults(void **state)
{
    struct stats_cluster_data data = grid(1, 500, 40);
    struct stats_cluster_estimate e;
    (void)state;
    stats_cluster_rate(&e, &data);
    assert_true(isnan(e.v_item));
    assert_near(e.variance, 0.08 * 0.92 / 499, 1e-12);
    /* 500 of a population of 1000: 1 - f is left */
    stratum[0].population = 1000;
    stats_cluster_rate(&e, &data);
    assert_near(e.variance, 0.5 * 0.08 * 0.92 / 499, 1e-12);
    assert_false(e.whole);
}

/* Two strata of 100 and 300 independent trials with 30 and 15 events, weights 3 : 1. */
static struct stats_cluster_data two_strata(void)
{
    struct stats_cluster_data data = grid(1, 400, 0);
    data = data_of(400, 2);
    make_independent(400);
    for (uint32_t k = 0; k < 400; k++) {
        trial[k].stratum = k >= 100;
        trial[k].value = k < 30 || (k >= 100 && k < 115);
    }
    stratum[0].weight = 3;
    return data;
}

static void test_strata_are_weighted(void **state)
{
    struct stats_cluster_data data = two_strata();
    struct stats_cluster_estimate e;
    const double p = 0.75 * 0.3 + 0.25 * 0.05;
    const double v = 0.5625 * 0.3 * 0.7 / 99 + 0.0625 * 0.05 * 0.95 / 299;
    (void)state;
    stats_cluster_rate(&e, &data);
    assert_near(e.rate, p, 1e-14);
    assert_near(e.variance, v, 1e-12);
    assert_near(e.n_effective, p * (1 - p) / v, 1e-12);
    assert_near(e.n_proportional, 1 / (0.5625 / 100 + 0.0625 / 300), 1e-12);
    assert_near(e.n_zero, 1 / (0.75 / 100), 1e-12);
    assert_near(stratum[0].rate, 0.3, 1e-14);
    assert_near(stratum[1].rate, 0.05, 1e-14);
    /* the weights of trials do what more trials would: each event drawn at half its share */
    stratum[0].weight = 1;
    stratum[1].weight = 0;
    for (uint32_t k = 0; k < 100; k++)
        trial[k].weight = k < 30 ? 2 : 1;
    stats_cluster_rate(&e, &data);
    assert_near(e.rate, 60. / 130, 1e-14);
}

static void test_contrast_of_strata(void **state)
{
    struct stats_cluster_data data = two_strata();
    struct stats_cluster_estimate e;
    const double v = 0.3 * 0.7 / 99 + 0.05 * 0.95 / 299;
    (void)state;
    stratum[0].weight = 1;
    stratum[1].weight = -1;
    stats_cluster_contrast(&e, &data);
    assert_near(e.rate, 0.25, 1e-14);
    assert_near(e.variance, v, 1e-12);
    assert_near(e.design_effect, 1, 1e-2);
    const struct stats_interval i = stats_cluster_contrast_interval(&e, two_sided.level);
    assert_near((i.high - i.low) / 2, 1.9659 * sqrt(v), 1e-3);
    assert_true(stats_cluster_contrast_above(&e, 0) < 1e-6);
    assert_near(stats_cluster_contrast_above(&e, 0.25), 0.5, 1e-9);
    /* a pair that struck both arms has no fault of its own: what is common cancels */
    for (uint32_t k = 0; k < 400; k++)
        trial[k] = (struct stats_cluster_trial){k >= 200, k, k % 200, k, true, k % 200 < 40, 1};
    stats_cluster_contrast(&e, &data);
    assert_near(e.rate, 0, 1e-12);
    assert_near(e.v_fault, 0, 1e-12);
}

static void test_condition_is_a_ratio(void **state)
{
    /* half of the trials changed bits; events only among those: 27 of 500 */
    struct stats_cluster_data data = grid(10, 100, 0);
    struct stats_cluster_estimate e;
    (void)state;
    make_independent(1000);
    for (uint32_t k = 0; k < 1000; k++) {
        trial[k].counted = k % 2 == 0;
        trial[k].value = k < 54 && k % 2 == 0;
    }
    stats_cluster_rate(&e, &data);
    assert_int_equal(e.counted, 500);
    assert_int_equal(e.events, 27);
    assert_near(e.rate, 0.054, 1e-14);
    assert_near(e.variance, 1000. / 999 * 0.054 * 0.946 / 500, 1e-12);
    /* two strata, combined: (1/2 20/100 + 1/2 5/300) / (1/2 50/100 + 1/2 100/300) */
    data = data_of(400, 2);
    for (uint32_t k = 0; k < 400; k++) {
        const uint32_t at = k < 100 ? k : k - 100;
        trial[k].stratum = k >= 100;
        trial[k].counted = at < (k < 100 ? 50u : 100u);
        trial[k].value = at < (k < 100 ? 20u : 5u);
    }
    stats_cluster_rate(&e, &data);
    assert_near(e.rate, (20. / 100 + 5. / 300) / (50. / 100 + 100. / 300), 1e-14);
}

static void test_few_events_are_exact(void **state)
{
    struct stats_cluster_data data = grid(1, 1000, 7);
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    struct stats_cluster_request request = two_sided;
    (void)state;
    stats_cluster_rate(&e, &data);
    stats_cluster_interval(&i, &e, &request);
    assert_int_equal(i.method, STATS_CLUSTER_EXACT);
    const struct stats_interval c = stats_interval_clopper_pearson(0.007 * i.n, i.n, request.level);
    assert_near(i.bounds.low, c.low, 1e-12);
    assert_near(i.bounds.high, c.high, 1e-12);
    assert_true(i.n > 900 && i.n < 1000);
    request.deff_floor = 2;
    stats_cluster_interval(&i, &e, &request);
    assert_true(i.n > 450 && i.n < 500);
}

static void test_no_event_in_strata(void **state)
{
    struct stats_cluster_data data = two_strata();
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    const struct stats_cluster_request request = {{0.95, STATS_INTERVAL_UPPER}, 1};
    (void)state;
    for (uint32_t k = 0; k < 400; k++)
        trial[k].value = 0;
    stats_cluster_rate(&e, &data);
    stats_cluster_interval(&i, &e, &request);
    assert_int_equal(i.method, STATS_CLUSTER_ZERO);
    assert_near(i.n, 400. / 3, 1e-12);
    /* no split of the rate over the strata that keeps the chance of silence at 5 % exceeds it */
    for (double share = 0; share <= 1; share += 0.01) {
        const double first = -expm1(log(0.05) * share / 100);
        const double second = -expm1(log(0.05) * (1 - share) / 300);
        assert_true(0.75 * first + 0.25 * second <= i.bounds.high);
    }
    for (uint32_t k = 0; k < 400; k++)
        trial[k].value = 1;
    stats_cluster_rate(&e, &data);
    stats_cluster_interval(&i, &e, &two_sided);
    assert_true(i.bounds.high == 1 && i.bounds.low < 0.975 && i.bounds.low > 0.95);
}

static void test_nothing_known(void **state)
{
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    struct stats_cluster_data data = data_of(0, 1);
    (void)state;
    stats_cluster_rate(&e, &data);
    assert_true(isnan(e.rate));
    stats_cluster_interval(&i, &e, &two_sided);
    assert_int_equal(i.method, STATS_CLUSTER_UNKNOWN);
    assert_true(i.bounds.low == 0 && i.bounds.high == 1);
    const struct stats_gate_request gate = {1, 0.95, 1};
    struct stats_gate_result result;
    stats_gate_decide(&result, &e, &gate);
    assert_int_equal(result.verdict, STATS_GATE_UNDECIDED);
    assert_true(result.more == STATS_GATE_NEVER);
    /* a stratum with weight but no trial */
    data = grid(10, 10, 5);
    data.n_strata = 2;
    stratum[1].weight = 1;
    stats_cluster_rate(&e, &data);
    assert_true(isnan(e.rate));
    stats_cluster_contrast(&e, &data);
    assert_true(isnan(e.rate));
    assert_true(isinf(stats_cluster_contrast_interval(&e, two_sided.level).high));
    /* one trial */
    data = grid(1, 1, 1);
    stats_cluster_rate(&e, &data);
    assert_true(e.rate == 1 && isnan(e.variance));
    /* two trials of one item and one fault: which one was it? */
    data = grid(1, 2, 1);
    trial[1].fault = 0;
    stats_cluster_rate(&e, &data);
    stats_cluster_interval(&i, &e, &two_sided);
    assert_true(i.bounds.low == 0 && i.bounds.high == 1);
}

/* 40 items and 60 faults with effects of their own, from one seed. */
static struct stats_cluster_data drawn(void)
{
    struct rng rng;
    double item[40], fault[60];
    struct stats_cluster_data data = grid(40, 60, 0);
    rng_init(&rng, 5, 0);
    for (int i = 0; i < 40; i++)
        item[i] = 2 * rng_unit(&rng);
    for (int j = 0; j < 60; j++)
        fault[j] = 4 * rng_unit(&rng);
    for (size_t k = 0; k < 2400; k++) {
        const double x = item[trial[k].item] + fault[trial[k].fault] - 5;
        trial[k].value = rng_unit(&rng) < 1 / (1 + exp(-x));
    }
    data.n_items = 40;
    data.n_faults = 60;
    data.n_cells = 2400;
    return data;
}

static void test_bootstrap_agrees(void **state)
{
    static uint32_t times[MOST];
    static double rate[500], again[500];
    const struct stats_cluster_data data = drawn();
    struct stats_bootstrap_params params = {&data, STATS_BOOTSTRAP_BOTH, 500, 11, times, rate};
    struct stats_bootstrap_result boot;
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    (void)state;
    stats_cluster_rate(&e, &data);
    stats_cluster_interval(&i, &e, &two_sided);
    assert_true(e.design_effect > 5);
    stats_bootstrap_run(&boot, &params);
    assert_int_equal(boot.defined, 500);
    /* pigeonhole: the cells count up to three times; 500 replicates know the error to 3 % */
    assert_near(boot.error, sqrt(e.v_item + e.v_fault + e.v_cell), 0.1);
    assert_near(boot.mean, e.rate, 0.03);
    const struct stats_interval p = stats_bootstrap_interval(rate, 500, two_sided.level);
    assert_near(p.low, i.bounds.low, 0.15);
    assert_near(p.high, i.bounds.high, 0.15);
    params.rate = again;
    stats_bootstrap_run(&boot, &params);
    assert_memory_equal(rate, again, sizeof(rate));
    params.unit = STATS_BOOTSTRAP_ITEM;
    stats_bootstrap_run(&boot, &params);
    assert_near(boot.error, sqrt(e.v_item), 0.1);
    params.unit = STATS_BOOTSTRAP_FAULT;
    stats_bootstrap_run(&boot, &params);
    assert_near(boot.error, sqrt(e.v_fault), 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_independent_trials_give_wilson),
        cmocka_unit_test(test_two_by_two_by_hand),
        cmocka_unit_test(test_whole_items_count_once),
        cmocka_unit_test(test_one_item_leaves_the_faults),
        cmocka_unit_test(test_strata_are_weighted),
        cmocka_unit_test(test_contrast_of_strata),
        cmocka_unit_test(test_condition_is_a_ratio),
        cmocka_unit_test(test_few_events_are_exact),
        cmocka_unit_test(test_no_event_in_strata),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_bootstrap_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

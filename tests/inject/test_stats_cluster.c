/* SPDX-License-Identifier: MIT */
/* Stratified, clustered rates: hand-computed examples, limiting designs, what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "inject/stats/stats_bootstrap.h"
#include "inject/stats/stats_cluster.h"
#include "inject/stats/stats_gate.h"

#define MOST 4000

static struct stats_cluster_trial trial[MOST];
static struct stats_cluster_stratum stratum[4];
static double scratch[3 * MOST];

static const struct stats_cluster_request two_sided = {{0.95, STATS_INTERVAL_BOTH}, 1};

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * (expected == 0 ? 1 : fabs(expected))))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static struct stats_cluster_data data_of(size_t n, uint32_t strata)
{
    memset(stratum, 0, sizeof stratum);
    for (uint32_t h = 0; h < strata; h++)
        stratum[h].weight = 1;
    return (struct stats_cluster_data){trial, n, stratum, strata, MOST, MOST, MOST, scratch};
}

/* items x faults trials in one stratum, the first `events` of a shuffle by a fixed step events. */
static struct stats_cluster_data grid(uint32_t items, uint32_t faults, uint32_t events)
{
    const uint32_t n = items * faults;
    for (uint32_t k = 0; k < n; k++)
        trial[k] = (struct stats_cluster_trial){0, k / faults, k % faults, k, true, 0, 1};
    for (uint32_t k = 0; k < events; k++)
        trial[(uint64_t)k * 7919 % n].value = 1;
    return data_of(n, 1);
}

static void make_independent(size_t n)
{
    for (uint32_t k = 0; k < n; k++)
        trial[k].item = trial[k].fault = k;
}

static void make_faults_own(size_t n)
{
    for (uint32_t k = 0; k < n; k++)
        trial[k].fault = k;
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

/* All faults on the one item: the rate is known, whatever the events, and a gate decides. */
static void test_a_census_is_exact(void **state)
{
    struct stats_cluster_estimate e;
    struct stats_cluster_interval i;
    struct stats_gate_result gate;
    (void)state;
    for (uint32_t events = 0; events <= 54; events += 3) {
        struct stats_cluster_data data = grid(1, 54, events);
        stratum[0].population = 54;
        stats_cluster_rate(&e, &data);
        stats_cluster_interval(&i, &e, &two_sided);
        assert_int_equal(i.method, STATS_CLUSTER_KNOWN);
        assert_true(i.bounds.low == e.rate && i.bounds.high == e.rate);
        assert_true(e.rate == events / 54. && e.variance == 0 && isinf(e.n_effective));
        stats_gate_decide(&gate, &e, &(struct stats_gate_request){0.5, 0.95, 1});
        assert_int_equal(gate.verdict, events <= 27 ? STATS_GATE_PASS : STATS_GATE_FAIL);
        stats_cluster_contrast(&e, &data);
        assert_true(stats_cluster_contrast_interval(&e, two_sided.level).high == e.rate);
    }
    /* a part of it is not, nor all of it on items that are a sample of others */
    struct stats_cluster_data data = grid(1, 54, 20);
    stratum[0].population = 55;
    stats_cluster_rate(&e, &data);
    stats_cluster_interval(&i, &e, &two_sided);
    assert_int_equal(i.method, STATS_CLUSTER_SCORE);
    data = grid(6, 9, 20);
    stratum[0].population = 54;
    stats_cluster_rate(&e, &data);
    assert_false(e.whole);
    assert_near(e.variance, e.v_item, 1e-12);
    assert_true(e.variance > 0);
}

/* n of N faults without replacement on one item: few events or none must know 1 - n / N, and still
 * cover. Every number of events is summed over with its hypergeometric probability. */
static void test_few_events_of_a_finite_population(void **state)
{
    static const struct {
        uint32_t population, drawn;
    } cases[] = {{9, 8}, {100, 50}, {100, 90}, {400, 40}, {400, 300}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const uint32_t size = cases[c].population, n = cases[c].drawn;
        double worst = 1;
        for (uint32_t harmful = 0; harmful <= size / 2; harmful++) {
            double covered = 0;
            for (uint32_t y = harmful > size - n ? harmful - (size - n) : 0; y <= harmful && y <= n;
                 y++) {
                struct stats_cluster_data data = grid(1, n, y);
                struct stats_cluster_estimate e;
                struct stats_cluster_interval i, endless;
                stats_cluster_rate(&e, &data);
                stats_cluster_interval(&endless, &e, &two_sided);
                stratum[0].population = size;
                stats_cluster_rate(&e, &data);
                stats_cluster_interval(&i, &e, &two_sided);
                assert_true(i.bounds.high - i.bounds.low <
                            endless.bounds.high - endless.bounds.low);
                const double log_p = lgamma(harmful + 1) - lgamma(y + 1) - lgamma(harmful - y + 1) +
                                     lgamma(size - harmful + 1) - lgamma(n - y + 1) -
                                     lgamma(size - harmful - (n - y) + 1) + lgamma(n + 1) +
                                     lgamma(size - n + 1) - lgamma(size + 1);
                const double rate = (double)harmful / size;
                if (i.bounds.low - 1e-12 <= rate && rate <= i.bounds.high + 1e-12)
                    covered += exp(log_p);
            }
            worst = fmin(worst, covered);
        }
        print_message("%u of %u: least coverage %.4f\n", n, size, worst);
        assert_true(worst >= 0.93);
    }
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
    for (uint32_t k = 0; k < 400; k++) {
        trial[k] = (struct stats_cluster_trial){k >= 200, k, k % 200, k, true, k % 200 < 40, 1};
    }
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
    assert_memory_equal(rate, again, sizeof rate);
    params.unit = STATS_BOOTSTRAP_ITEM;
    stats_bootstrap_run(&boot, &params);
    assert_near(boot.error, sqrt(e.v_item), 0.1);
    params.unit = STATS_BOOTSTRAP_FAULT;
    stats_bootstrap_run(&boot, &params);
    assert_near(boot.error, sqrt(e.v_fault), 0.1);
}

static void test_gate(void **state)
{
    struct stats_cluster_data data = grid(1, 2000, 20);
    struct stats_cluster_estimate e;
    struct stats_gate_request request = {0.02, 0.95, 1};
    struct stats_gate_result result;
    (void)state;
    stats_cluster_rate(&e, &data);
    stats_gate_decide(&result, &e, &request);
    assert_int_equal(result.verdict, STATS_GATE_PASS);
    assert_int_equal(result.more, 0);
    assert_near(result.upper, 0.01438, 0.02);
    request.limit = 0.005;
    stats_gate_decide(&result, &e, &request);
    assert_int_equal(result.verdict, STATS_GATE_FAIL);
    request.limit = 0.012;
    stats_gate_decide(&result, &e, &request);
    assert_int_equal(result.verdict, STATS_GATE_UNDECIDED);
    assert_true(result.would_pass);
    /* Wilson's upper bound of 1 % falls to 1.2 % near 7700 trials */
    assert_true(result.more > 5000 && result.more < 6500);
    data = grid(1, 2000, 20);
    request.limit = 0.01;
    stats_gate_decide(&result, &e, &request);
    assert_int_equal(result.verdict, STATS_GATE_UNDECIDED);
    assert_true(result.more == STATS_GATE_NEVER);
    request.limit = 0.0095;
    stats_gate_decide(&result, &e, &request);
    assert_false(result.would_pass);
    assert_true(result.more > 20000 && result.more != STATS_GATE_NEVER);
}

/* 10 items of 40 own trials each: item i has so many events. What further trials must bring. */
static struct stats_gate_result gate_of_items(const uint32_t events[10], double limit)
{
    struct stats_cluster_data data = grid(10, 40, 0);
    struct stats_cluster_estimate e;
    struct stats_gate_result result;
    make_faults_own(400);
    for (uint32_t k = 0; k < 400; k++)
        trial[k].value = k % 40 < events[k / 40];
    stats_cluster_rate(&e, &data);
    stats_gate_decide(&result, &e, &(struct stats_gate_request){limit, 0.95, 1});
    assert_int_equal(result.verdict, STATS_GATE_UNDECIDED);
    assert_true(result.would_pass && result.more != STATS_GATE_NEVER);
    assert_int_equal(result.items, ceil(10 * (double)result.more / 400));
    return result;
}

static void test_gate_names_prompts(void **state)
{
    static const uint32_t alike[10] = {10, 9, 11, 12, 8, 10, 13, 7, 10, 10};
    static const uint32_t apart[10] = {0, 22, 2, 20, 1, 25, 0, 21, 2, 7};
    (void)state;
    /* items alike: trials decide, wherever; 25 % below 28 % */
    struct stats_gate_result r = gate_of_items(alike, 0.28);
    assert_int_equal(r.growth, STATS_GATE_TRIALS);
    /* items of 0 to 62 %: 1.8 times the error of ten items stays above 28 %, whatever is run on
     * them */
    r = gate_of_items(apart, 0.28);
    assert_int_equal(r.growth, STATS_GATE_PROMPTS);
    assert_true(r.items > 50);
    /* just short of the limit that these items can ever show */
    double limit = 0.30;
    do
        r = gate_of_items(apart, limit += 0.001);
    while (r.growth == STATS_GATE_PROMPTS && limit < 0.5);
    assert_int_equal(r.growth, STATS_GATE_BOTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_independent_trials_give_wilson),
        cmocka_unit_test(test_two_by_two_by_hand),
        cmocka_unit_test(test_whole_items_count_once),
        cmocka_unit_test(test_one_item_leaves_the_faults),
        cmocka_unit_test(test_a_census_is_exact),
        cmocka_unit_test(test_few_events_of_a_finite_population),
        cmocka_unit_test(test_strata_are_weighted),
        cmocka_unit_test(test_contrast_of_strata),
        cmocka_unit_test(test_condition_is_a_ratio),
        cmocka_unit_test(test_few_events_are_exact),
        cmocka_unit_test(test_no_event_in_strata),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_bootstrap_agrees),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_gate_names_prompts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Infinite and finite populations and a census; gates on them and what would decide. */
#include "stats_bench.h"

#include "inject/stats/stats_gate.h"

/* With all faults on the only item the rate is known, whatever the events, and a gate decides. */
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
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
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

static void make_faults_own(size_t n)
{
    for (uint32_t k = 0; k < n; k++)
        trial[k].fault = k;
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

/* 10 items of 40 own trials each: item i has so many events. What further trials must give. */
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
        cmocka_unit_test(test_a_census_is_exact),
        cmocka_unit_test(test_few_events_of_a_finite_population),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_gate_names_prompts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

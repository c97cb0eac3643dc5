/* SPDX-License-Identifier: MIT */
/* Comparisons: pairs, many hypotheses, trends, survival; published examples and scipy's values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "inject/stats/stats_paired.h"
#include "inject/stats/stats_special.h"
#include "inject/stats/stats_survival.h"
#include "inject/stats/stats_test.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct stats_interval_level level = {0.95, STATS_INTERVAL_BOTH};

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * (expected == 0 ? 1 : fabs(expected))))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void test_mcnemar(void **state)
{
    /* Bentur et al. 2009 in Fagerland, Lydersen, Laake 2013: 1, 1, 7, 12 */
    const struct stats_paired_table bentur = {1, 1, 7, 12}, larger = {59, 6, 16, 80};
    const struct stats_paired_table even = {10, 4, 4, 10}, same = {10, 0, 0, 10};
    const struct stats_paired_table broken = {10, -1, 0, 10};
    (void)state;
    assert_near(stats_paired_mcnemar_exact(&bentur), 18. / 256, 1e-12);
    assert_near(stats_paired_mcnemar_mid(&bentur), 10. / 256, 1e-12);
    assert_near(stats_paired_mcnemar_exact(&larger), 0.052478790283203125, 1e-12);
    assert_near(stats_paired_mcnemar_mid(&larger), 0.03468966484069824, 1e-12);
    assert_near(stats_paired_mcnemar_exact(&even), 1, 1e-12);
    assert_near(stats_paired_mcnemar_mid(&even), 1 - 35. / 256, 1e-12);
    assert_near(stats_paired_mcnemar_mid(&same), 1, 0);
    assert_true(isnan(stats_paired_mcnemar_exact(&broken)));
}

static void test_paired_interval(void **state)
{
    const struct stats_paired_table bentur = {1, 1, 7, 12}, t = {90, 40, 20, 10};
    const struct stats_paired_table mirror = {90, 20, 40, 10}, none = {50, 0, 0, 50};
    (void)state;
    /* Fagerland, Lydersen, Laake 2014: -0.517 to -0.026 */
    const struct stats_interval b = stats_paired_interval(&bentur, level);
    assert_near(b.low, -0.517, 1e-3);
    assert_near(b.high, -0.026, 2e-2);
    const struct stats_interval i = stats_paired_interval(&t, level);
    const struct stats_interval m = stats_paired_interval(&mirror, level);
    assert_near(stats_paired_score(&t, 0), 20 / sqrt(60), 1e-12);
    assert_near(stats_paired_score(&t, i.low), 1.959963984540054, 1e-9);
    assert_near(stats_paired_score(&t, i.high), -1.959963984540054, 1e-9);
    assert_near(m.low, -i.high, 1e-9);
    assert_near(m.high, -i.low, 1e-9);
    /* no discordant pair in 100: z^2 / (n + z^2) */
    const double z = 1.959963984540054;
    assert_near(stats_paired_interval(&none, level).high, z * z / (100 + z * z), 1e-6);
    const struct stats_paired_table half = stats_paired_scale(&t, 2);
    const struct stats_interval wider = stats_paired_interval(&half, level);
    assert_true(wider.low < i.low && wider.high > i.high);
    assert_true(stats_paired_scale(&t, 0.5).both == 90);
    const struct stats_paired_table empty = {0};
    assert_true(stats_paired_interval(&empty, level).low == -1);
}

/* The tests agree with the interval at every margin. */
static void test_equivalence(void **state)
{
    const struct stats_paired_table t = {40, 30, 24, 1906}, none = {0};
    const struct stats_interval_level ninety = {0.90, STATS_INTERVAL_BOTH};
    const struct stats_interval i = stats_paired_interval(&t, ninety);
    (void)state;
    for (double margin = 0.002; margin < 0.02; margin += 0.0005) {
        const int inside = i.low > -margin && i.high < margin;
        assert_int_equal(stats_paired_equivalence(&t, margin) < 0.05, inside);
        assert_int_equal(stats_paired_non_inferiority(&t, margin) < 0.05, i.high < margin);
    }
    assert_true(stats_paired_mcnemar_exact(&t) > 0.05); /* which is not equivalence: */
    assert_true(stats_paired_equivalence(&t, 0.005) > 0.05);
    assert_true(isnan(stats_paired_equivalence(&none, 0.01)));
}

static void test_holm(void **state)
{
    const double p[] = {0.01, 0.04, 0.03, 0.005}, expected[] = {0.03, 0.06, 0.06, 0.02};
    double untested[] = {NAN, 0.02, 0.9, NAN}, adjusted[4];
    uint32_t order[4];
    (void)state;
    stats_test_holm(adjusted, p, order, 4);
    for (int i = 0; i < 4; i++)
        assert_near(adjusted[i], expected[i], 1e-12);
    assert_int_equal(order[0], 3);
    stats_test_holm(untested, untested, order, 4);
    assert_true(isnan(untested[0]) && isnan(untested[3]));
    assert_near(untested[1], 0.08, 1e-12);
    assert_near(untested[2], 1, 0);
}

static void test_fit(void **state)
{
    const uint64_t dice[] = {16, 18, 16, 14, 12, 12}, three[] = {50, 30, 20}, odd[] = {5, 0, 1};
    const double even[] = {1, 1, 1, 1, 1, 1}, weight[] = {4, 4, 2}, hole[] = {1, 1, 0};
    (void)state;
    assert_near(stats_test_fit(dice, even, 6), 0.8491450360846096, 1e-12);
    assert_near(stats_test_fit(three, weight, 3), 0.0820849986238988, 1e-12);
    assert_near(stats_test_fit(odd, hole, 3), 0, 0);
    assert_true(isnan(stats_test_fit(dice, even, 1)));
}

static void test_trend(void **state)
{
    const uint64_t events[] = {2, 5, 10, 13}, trials[] = {20, 20, 30, 25}, none[] = {0, 0, 0, 0};
    const double position[] = {0, 1, 2, 4}, down[] = {0, -1, -2, -4};
    struct stats_test_groups groups = {events, trials, position, 4};
    double c[4], slope = 0, constant = 0;
    (void)state;
    assert_near(stats_test_trend(&groups), 3.074555755643368, 1e-12);
    groups.position = down;
    assert_near(stats_test_trend(&groups), -3.074555755643368, 1e-12);
    groups.events = none;
    assert_true(isnan(stats_test_trend(&groups)));
    stats_test_trend_coefficients(c, position, 4);
    for (int i = 0; i < 4; i++) {
        slope += c[i] * (0.3 + 0.07 * position[i]);
        constant += c[i];
    }
    assert_near(slope, 0.07, 1e-12);
    assert_near(constant, 0, 1e-12);
}

static void test_survival(void **state)
{
    /* remission under 6-MP (Freireich et al. 1963): the textbook curve */
    static const double time[] = {6, 7, 9, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 34, 35};
    static const uint64_t events[] = {3, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0};
    static const uint64_t censored[] = {1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1};
    const struct stats_survival_input input = {time, events, censored, COUNT(time)};
    struct stats_survival_point curve[COUNT(time)];
    (void)state;
    stats_survival_curve(curve, &input, level);
    assert_int_equal(curve[0].at_risk, 21);
    assert_near(curve[0].survival, 0.8571, 1e-4);
    assert_near(curve[0].error, 0.0764, 1e-3);
    assert_near(curve[1].survival, 0.8067, 1e-4);
    assert_near(curve[3].survival, 0.7529, 1e-4);
    assert_near(curve[5].survival, 0.6902, 1e-4);
    assert_near(curve[6].survival, 0.6275, 1e-4);
    assert_near(curve[10].survival, 0.5378, 1e-4);
    assert_near(curve[11].survival, 0.4482, 1e-4);
    assert_near(curve[11].error, 0.1346, 1e-3);
    assert_near(curve[11].bounds.low, 0.1881, 1e-3);
    assert_near(curve[11].bounds.high, 0.6801, 1e-3);
    assert_near(stats_survival_quantile(curve, COUNT(time), 0.5), 23, 0);
    assert_true(isinf(stats_survival_quantile(curve, COUNT(time), 0.9)));
}

static void test_survival_ends(void **state)
{
    const double time[] = {1, 2, 3};
    const uint64_t events[] = {0, 4, 0}, censored[] = {0, 0, 0};
    const struct stats_survival_input input = {time, events, censored, 3};
    struct stats_survival_point curve[3];
    (void)state;
    stats_survival_curve(curve, &input, level);
    assert_true(curve[0].survival == 1 && curve[0].bounds.high == 1);
    assert_true(curve[1].survival == 0 && curve[1].error == 0);
    assert_true(isnan(curve[2].survival)); /* nothing at risk */
    assert_true(curve[2].bounds.low == 0 && curve[2].bounds.high == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mcnemar),     cmocka_unit_test(test_paired_interval),
        cmocka_unit_test(test_equivalence), cmocka_unit_test(test_holm),
        cmocka_unit_test(test_fit),         cmocka_unit_test(test_trend),
        cmocka_unit_test(test_survival),    cmocka_unit_test(test_survival_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

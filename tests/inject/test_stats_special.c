/* SPDX-License-Identifier: MIT */
/* Distribution functions and intervals of one rate against values computed by scipy 1.17. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "inject/stats/stats_interval.h"
#include "inject/stats/stats_special.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Relative; of 0 absolute. */
static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * (expected == 0 ? 1 : fabs(expected))))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void test_beta(void **state)
{
    static const double below[][4] = {
        {0.3, 2, 5, 0.5798250000000003},
        {1e-8, 0.5, 3, 0.00018749999875000004},
        {0.999, 50, 0.25, 0.4843139540725245},
        {0.0541, 5400, 94600, 0.5572460653803568},
        {0.5, 1e6, 1e6, 0.5},
        {0.2, 0.001, 2, 0.9991905700234541},
        {0, 2, 3, 0},
        {1, 2, 3, 1},
    };
    static const double quantile[][4] = {
        {0.025, 3, 98, 0.006229971538306395},
        {0.975, 4, 97, 0.08517605297428002},
        {0.05, 0.5, 0.5, 0.0061558297024311365},
        {1e-6, 10, 1000, 0.0012702971313813224},
        {0.5, 5e4, 9e5, 0.05263126500479904},
        {0.999, 2, 3, 0.9359618608971666},
        {1e-3, 0.01, 1, 1e-300},
        {0, 2, 3, 0},
        {1, 2, 3, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(below); i++)
        assert_near(stats_special_beta(below[i][0], below[i][1], below[i][2]), below[i][3], 1e-11);
    for (size_t i = 0; i < COUNT(quantile); i++)
        assert_near(stats_special_beta_quantile(quantile[i][0], quantile[i][1], quantile[i][2]),
                    quantile[i][3], 1e-11);
}

static void test_normal(void **state)
{
    static const double quantile[][2] = {
        {0.975, 1.959963984540054},
        {0.95, 1.6448536269514722},
        {0.995, 2.5758293035489004},
        {1e-10, -6.361340902404056},
        {0.5, 0},
        {0.3, -0.5244005127080409},
        {1e-300, -37.0470962993612},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(quantile); i++) {
        assert_near(stats_special_normal_quantile(quantile[i][0]), quantile[i][1], 1e-14);
        assert_near(stats_special_normal(quantile[i][1]), quantile[i][0], 1e-12);
    }
    assert_true(isinf(stats_special_normal_quantile(0)));
}

static void test_t(void **state)
{
    static const double below[][3] = {
        {2, 3, 0.9303370157205785},       {-1, 10.5, 0.16989919626957092},
        {-8, 99, 1.2001519105284427e-12}, {0.001, 5, 0.5003796066139012},
        {30, 2, 0.9994453686590201},      {-1.5, 1e6, 0.0668073591183964},
        {-40, 4, 1.1670081613006339e-06},
    };
    static const double quantile[][3] = {
        {0.975, 1, 12.706204736174694},    {0.975, 22.5, 2.0712042832806863},
        {0.95, 99, 1.6603911560169906},    {0.6, 4, 0.2707222947075976},
        {1e-9, 8, -29.289321118225654},    {0.995, 1e5, 2.575878469908375},
        {0.025, 0.7, -36.611415031588706}, {0.975, 1e300, 1.959963984540054},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(below); i++)
        assert_near(stats_special_t(below[i][0], below[i][1]), below[i][2], 1e-11);
    for (size_t i = 0; i < COUNT(quantile); i++)
        assert_near(stats_special_t_quantile(quantile[i][0], quantile[i][1]), quantile[i][2],
                    1e-11);
    assert_near(stats_special_t(-INFINITY, 4), 0, 0);
}

static void test_chi_square_and_binomial(void **state)
{
    static const double upper[][3] = {
        {3.841458820694124, 1, 0.05},      {100, 80, 0.064570368921133}, {1, 40, 1},
        {300, 200, 5.924540335483916e-06}, {0.1, 3, 0.9918374237318764}, {0, 7, 1},
    };
    static const double binomial[][5] = {
        {3, 100, 0.02, 0.18227594104651598, 0.8589615633982952},
        {0, 1000, 0.003, 0.049563082823155545, 0.04956308282315555},
        {540, 10000, 0.054, 0.017648198925762304, 0.5114468621386886},
        {10, 10, 0.5, 0.0009765625, 1},
        {0, 5, 0, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(upper); i++)
        assert_near(stats_special_chi2_upper(upper[i][0], upper[i][1]), upper[i][2], 1e-11);
    for (size_t i = 0; i < COUNT(binomial); i++) {
        const double *b = binomial[i];
        assert_near(stats_special_binomial(b[0], b[1], b[2]), b[3], 1e-11);
        assert_near(stats_special_binomial_at_most(b[0], b[1], b[2]), b[4], 1e-11);
    }
}

static void test_outside_the_domain_is_nan(void **state)
{
    (void)state;
    assert_true(isnan(stats_special_beta(NAN, 1, 1)));
    assert_true(isnan(stats_special_beta(0.5, 0, 1)));
    assert_true(isnan(stats_special_beta_quantile(1.5, 1, 1)));
    assert_true(isnan(stats_special_normal_quantile(-0.1)));
    assert_true(isnan(stats_special_t(NAN, 3)));
    assert_true(isnan(stats_special_t(1, 0)));
    assert_true(isnan(stats_special_t_quantile(0.5, NAN)));
    assert_true(isnan(stats_special_chi2_upper(-1, 3)));
    assert_true(isnan(stats_special_binomial(3, 2, 0.5)));
    assert_true(isnan(stats_special_binomial_at_most(1, 2, NAN)));
}

/* events, n, then low and high of Wilson and of Clopper-Pearson. */
static const double both_sides[][6] = {
    {10, 1000, 0.005440754445529248, 0.018309468870314774, 0.004805510691049308,
     0.018313243055112453},
    {0, 1000, 0, 0.003826758485555125, 0, 0.003682083896865672},
    {540, 10000, 0.049738938389422546, 0.05860358815722096, 0.04965055460134531,
     0.05861142249296275},
    {3, 40, 0.025836025774588184, 0.1986423352431055, 0.01574217985104153, 0.20386474873289898},
    {40, 40, 0.9123783988027134, 1, 0.9119026971211976, 1},
};

static const double one_side[][6] = {
    {7, 1000, 0.0037997801834077386, 0.012860687650996138, 0.003289787400653805,
     0.013107715416593314},
    {25, 1000, 0.01807116339086075, 0.034492167686911754, 0.017440155567020093,
     0.034742520099362566},
};

static void test_intervals(void **state)
{
    const struct stats_interval_level level = {0.95, STATS_INTERVAL_BOTH};
    const struct stats_interval_level up = {0.95, STATS_INTERVAL_UPPER};
    const struct stats_interval_level down = {0.95, STATS_INTERVAL_LOWER};
    (void)state;
    for (size_t i = 0; i < COUNT(both_sides); i++) {
        const double *r = both_sides[i];
        const struct stats_interval w = stats_interval_wilson(r[0] / r[1], r[1], level);
        const struct stats_interval c = stats_interval_clopper_pearson(r[0], r[1], level);
        assert_near(w.low, r[2], 1e-12);
        assert_near(w.high, r[3], 1e-12);
        assert_near(c.low, r[4], 1e-12);
        assert_near(c.high, r[5], 1e-12);
    }
    for (size_t i = 0; i < COUNT(one_side); i++) {
        const double *r = one_side[i];
        assert_near(stats_interval_wilson(r[0] / r[1], r[1], up).high, r[3], 1e-12);
        assert_near(stats_interval_wilson(r[0] / r[1], r[1], down).low, r[2], 1e-12);
        assert_near(stats_interval_clopper_pearson(r[0], r[1], up).high, r[5], 1e-12);
        assert_near(stats_interval_clopper_pearson(r[0], r[1], down).low, r[4], 1e-12);
        assert_true(stats_interval_wilson(r[0] / r[1], r[1], up).low == 0);
        assert_true(stats_interval_clopper_pearson(r[0], r[1], down).high == 1);
    }
    /* real numbers of trials and events */
    const struct stats_interval real = stats_interval_clopper_pearson(2.5, 40, level);
    assert_near(real.low, 0.010534485022236681, 1e-12);
    assert_near(real.high, 0.18681429723762477, 1e-12);
}

static void test_no_event_in_10000(void **state)
{
    (void)state;
    /* METHOD.md 5: 0 of 10,000 differ, one-sided 95 %: 3.0e-4 */
    const struct stats_interval_level up = {0.95, STATS_INTERVAL_UPPER};
    assert_near(stats_interval_zero(10000, up).high, 0.000299528359776612, 1e-12);
    assert_near(stats_interval_clopper_pearson(0, 10000, up).high, 0.000299528359776612, 1e-12);
}

static void test_difference(void **state)
{
    const struct stats_interval_level level = {0.95, STATS_INTERVAL_BOTH};
    struct stats_interval_pair pair = {
        .first = 56. / 70,
        .second = 48. / 80,
        .of_first = stats_interval_wilson(56. / 70, 70, level),
        .of_second = stats_interval_wilson(48. / 80, 80, level),
    };
    (void)state;
    /* Newcombe 1998, table II, row a */
    const struct stats_interval found = stats_interval_difference(&pair);
    assert_near(found.low, 0.05243147240236498, 1e-12);
    assert_near(found.high, 0.33387265403690614, 1e-12);
    pair.correlation = 0.5;
    const struct stats_interval closer = stats_interval_difference(&pair);
    assert_true(closer.low > found.low && closer.high < found.high);
    pair.second = NAN;
    assert_true(stats_interval_difference(&pair).low == -1);
    assert_true(stats_interval_difference(&pair).high == 1);
}

static void test_nothing_known(void **state)
{
    const struct stats_interval_level level = {0.95, STATS_INTERVAL_UPPER};
    const struct stats_interval unknown[] = {
        stats_interval_wilson(NAN, 10, level),
        stats_interval_wilson(0.5, 0, level),
        stats_interval_clopper_pearson(0, 0, level),
        stats_interval_clopper_pearson(5, 4, level),
        stats_interval_clopper_pearson(1, NAN, level),
        stats_interval_zero(-1, level),
        stats_interval_zero(5, (struct stats_interval_level){1, STATS_INTERVAL_UPPER}),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(unknown); i++)
        assert_true(unknown[i].low == 0 && unknown[i].high == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beta),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_t),
        cmocka_unit_test(test_chi_square_and_binomial),
        cmocka_unit_test(test_outside_the_domain_is_nan),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_no_event_in_10000),
        cmocka_unit_test(test_difference),
        cmocka_unit_test(test_nothing_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Quantiles by order statistics: known ranks, exact coverage, too few values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "base/sort.h"
#include "inject/stats/stats_quantile.h"
#include "inject/stats/stats_special.h"

enum { MOST = 600 };

/* The value of each is its rank. */
static struct stats_quantile of_ranks(uint32_t n, double share)
{
    double value[MOST];
    for (uint32_t i = 0; i < n; i++)
        value[i] = i + 1;
    return stats_quantile_of(value, n, share, 0.95);
}

/* Tables of the interval of the median (Conover 1999, A3): n = 10: 2nd and 9th; 20: 6th and 15th.
 */
static void test_ranks(void **state)
{
    (void)state;
    struct stats_quantile q = of_ranks(10, 0.5);
    assert_true(q.value == 5 && q.low == 2 && q.high == 9);
    q = of_ranks(20, 0.5);
    assert_true(q.value == 10 && q.low == 6 && q.high == 15);
    q = of_ranks(100, 0.99);
    assert_true(q.value == 99 && q.low == 97 && q.high == INFINITY);
    q = of_ranks(5, 0.5);
    assert_true(q.value == 3 && q.low == -INFINITY && q.high == INFINITY);
    q = of_ranks(1, 0.99);
    assert_true(q.value == 1 && q.high == INFINITY);
    assert_true(isnan(stats_quantile_of(NULL, 0, 0.5, 0.95).value));
}

/* Each end leaves at most 2.5 % outside, and the next rank inwards more. */
static void test_exact(void **state)
{
    static const double shares[] = {0.1, 0.5, 0.9, 0.99};
    (void)state;
    for (uint32_t n = 1; n < MOST; n += 1 + n / 9) {
        for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
            const struct stats_quantile q = of_ranks(n, shares[i]);
            const double low = isfinite(q.low) ? q.low : 0,
                         high = isfinite(q.high) ? q.high : n + 1;
            assert_true(q.value >= 1 && q.value <= n && low <= q.value && q.value <= high);
            if (low > 0)
                assert_true(stats_special_binomial_at_most(low - 1, n, shares[i]) <= 0.025);
            assert_true(stats_special_binomial_at_most(low, n, shares[i]) > 0.025);
            if (high <= n)
                assert_true(stats_special_binomial_at_most(high - 1, n, shares[i]) >= 0.975);
            if (high > 1)
                assert_true(stats_special_binomial_at_most(high - 2, n, shares[i]) < 0.975);
        }
    }
}

/* Of uniform values, whose quantiles are known. */
static void test_coverage(void **state)
{
    uint32_t covered[2] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        double value[60];
        struct rng rng;
        rng_init(&rng, 7, seed);
        for (uint32_t i = 0; i < 60; i++)
            value[i] = rng_unit(&rng);
        sort_doubles(value, 60);
        for (int i = 0; i < 2; i++) {
            const double share = i ? 0.9 : 0.5;
            const struct stats_quantile q = stats_quantile_of(value, 60, share, 0.95);
            covered[i] += q.low <= share && share <= q.high;
        }
    }
    assert_true(covered[0] >= 935 && covered[1] >= 935);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranks), cmocka_unit_test(test_exact),
                                       cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

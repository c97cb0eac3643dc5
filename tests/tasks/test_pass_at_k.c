/* SPDX-License-Identifier: MIT */
/* pass@k: known values, exact fractions for all small cases, and large cases that overflow simple
 * formulas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "tasks/score.h"

static void assert_close(double found, double expected, double relative)
{
    if (signbit(found) || !(fabs(found - expected) <= relative * fabs(expected)))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void table(void **state)
{
    (void)state;
    static const struct {
        uint32_t n, right, k;
        double expected;
    } row[] = {
        {1, 0, 1, 0},
        {1, 1, 1, 1},
        {10, 3, 1, 0.3},
        {5, 2, 2, 0.7},
        {10, 1, 10, 1},
        {10, 0, 10, 0},
        {200, 10, 1, 0.05},
        {100, 100, 1, 1},
        {4, 3, 2, 1},
        {4, 2, 2, 5.0 / 6},
        {6, 2, 3, 0.8},
        {20, 5, 5, 12501.0 / 15504},
        {200, 1, 100, 0.5},
        {3, 1, 2, 2.0 / 3},
        {1000000, 1, 1, 1e-6},
        {1000000000, 1, 3, 3e-9},
        {100000, 50000, 1, 0.5},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
        assert_close(score_pass_at_k(row[i].n, row[i].right, row[i].k), row[i].expected, 1e-14);
}

static double choose(uint32_t n, uint32_t k)
{
    double product = 1;
    for (uint32_t i = 1; i <= k && k <= n; i++)
        product = product * (n - k + i) / i;
    return k <= n ? product : 0;
}

/* All cases up to 24 samples against binomial coefficients, exact there. */
static void small_cases(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 24; n++) {
        for (uint32_t right = 0; right <= n; right++) {
            for (uint32_t k = 1; k <= n; k++) {
                const double all = choose(n, k), none = choose(n - right, k);
                assert_close(score_pass_at_k(n, right, k), (all - none) / all, 1e-13);
            }
        }
    }
}

/* The mean over all draws of n from a population is its chance for k: unbiased. */
static void unbiased(void **state)
{
    (void)state;
    const uint32_t population = 12, good = 5;
    for (uint32_t n = 1; n <= 8; n++) {
        for (uint32_t k = 1; k <= n; k++) {
            double mean = 0;
            for (uint32_t right = 0; right <= n && right <= good; right++)
                mean += choose(good, right) * choose(population - good, n - right) /
                        choose(population, n) * score_pass_at_k(n, right, k);
            assert_close(mean, score_pass_at_k(population, good, k), 1e-13);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(small_cases),
                                       cmocka_unit_test(unbiased)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

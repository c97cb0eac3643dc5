/* SPDX-License-Identifier: MIT */
/* Overhead from pairs of runs: found in spite of disturbed steps, periodic costs included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/rng.h"
#include "inject/stats/stats_overhead.h"

enum { PAIRS = 40, STEPS = 12 };

/* A step takes 1, each fourth 2; the other kind `more` longer, in each fourth step or in all. A
 * tenth of all steps take up to ten times as long. */
static void run(struct stats_overhead *out, double more, bool fourth, uint64_t seed)
{
    double time[2][PAIRS][STEPS];
    struct rng rng;
    rng_init(&rng, seed, 1);
    for (uint32_t kind = 0; kind < 2; kind++) {
        for (uint32_t i = 0; i < PAIRS * STEPS; i++) {
            const uint32_t step = i % STEPS;
            double seconds = step % 4 == 3 ? 2 : 1;
            seconds += kind == 1 && (!fourth || step % 4 == 3) ? more : 0;
            seconds *= 1 + 0.02 * rng_unit(&rng);
            seconds *= rng_below(&rng, 10) == 0 ? 1 + 9 * rng_unit(&rng) : 1;
            time[kind][i / STEPS][step] = seconds;
        }
    }
    const struct stats_overhead_params params = {.plain = time[0][0],
                                                 .other = time[1][0],
                                                 .pairs = PAIRS,
                                                 .stride = STEPS,
                                                 .first = 0,
                                                 .n = STEPS,
                                                 .seed = seed};
    assert_int_equal(stats_overhead_of(out, &params), STATUS_OK);
}

static void test_share(void **state)
{
    (void)state;
    uint32_t covered = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct stats_overhead all, some, none;
        run(&all, 0.1, false, seed);
        run(&some, 0.4, true, seed);
        run(&none, 0, true, seed);
        /* 12 steps take 15 */
        covered += all.low <= 1.2 / 15 && 1.2 / 15 <= all.high;
        covered += some.low <= 1.2 / 15 && 1.2 / 15 <= some.high;
        covered += none.low <= 0 && 0 <= none.high;
        assert_true(all.share > 0.07 && all.share < 0.09);
        assert_true(some.share > 0.07 && some.share < 0.09);
        assert_true(none.share > -0.01 && none.share < 0.01);
        assert_true(all.low < all.high && all.high - all.low < 0.03);
    }
    printf("%u of 60 intervals hold the share\n", covered);
    assert_true(covered >= 51); /* of 60, at 95 % */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

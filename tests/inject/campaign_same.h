/* SPDX-License-Identifier: MIT */
/* Ways to run the plan of bench_run_tests that may not change a row, as tests. */
#ifndef VKFI_TESTS_CAMPAIGN_SAME_H
#define VKFI_TESTS_CAMPAIGN_SAME_H

#include "campaign_bench.h"

static inline void same_run(struct bench *b)
{
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
}

/* Three forms of the same arithmetic share a campaign. */
static inline void same_on_several_devices(void **state)
{
    struct bench *b = bench_begin(bench_plan);
    (void)state;
    bench_add_device(b, "cpu:scalar", CPU_SCALAR, false);
    bench_add_vulkan(b);
    b->scene->slow_ms = 2; /* so that each gets some */
    same_run(b);
    for (uint32_t i = 0; i < b->params.setup.n_devices; i++)
        print_message("device %u ran %llu\n", i, (unsigned long long)b->ran[i]);
    bench_end(b);
}

static inline void same_without_forking(void **state)
{
    struct bench *b = bench_begin(bench_plan);
    (void)state;
    b->params.setup.naive = true;
    same_run(b);
    bench_end(b);
}

/* Cut into calls of eleven trials each. */
static inline void same_in_calls(void **state)
{
    const uint32_t limit = 11;
    struct bench *b = bench_begin(bench_plan);
    uint32_t calls = 0;
    (void)state;
    b->params.limit = limit;
    do {
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        calls++;
        assert_int_equal(b->end.done,
                         limit * calls < b->end.planned ? limit * calls : b->end.planned);
    } while (b->end.done < b->end.planned);
    assert_int_equal(calls, (b->end.planned + limit - 1) / limit);
    assert_int_equal(b->goldens, b->plan.n_items);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

/* The whole process is killed at random moments, workers and all, and started again. */
static inline void same_when_killed(void **state)
{
    struct bench *b = bench_begin(bench_plan);
    unsigned seed = 77;
    (void)state;
    b->scene->slow_ms = 30; /* long enough for the kills */
    assert_true(bench_kill(b, &seed, (struct bench_patience){30, 150, 60}) >= 5);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

#endif

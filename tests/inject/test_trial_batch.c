/* SPDX-License-Identifier: MIT */
/* Records do not depend on what shares a pass, on the order of jobs, on budgets, on proofs of
 * tokens, or on the form of the device. */
#include "trial_mix.h"

#define JOBS 60

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 24, .level = RECORD_FULL};

struct reference {
    struct trial_bench bench;
    struct record *record[3]; /* by level */
};

static void open_reference(struct reference *r)
{
    trial_bench_open(&r->bench, &LLAMA);
    trial_mix_draw(&r->bench, JOBS);
    for (int level = 0; level < 3; level++)
        r->record[level] =
            trial_bench_run(&r->bench, &(struct trial_settings){.level = (enum record_level)level},
                            r->bench.job, JOBS);
}

/* The same jobs on another bench, in some order, some at a time. */
static void compare(const struct reference *r, struct trial_bench *b, uint32_t at_once,
                    const char *what)
{
    struct trial_job job[JOBS];
    for (int level = 0; level < 3; level++) {
        const struct trial_settings settings = {.level = (enum record_level)level};
        for (uint32_t i = 0; i < JOBS; i++) /* 37 and 60 have no common divisor */
            job[i] = b->job[i * 37 % JOBS];
        for (uint32_t i = 0; i < JOBS; i += at_once) {
            const uint32_t n = JOBS - i < at_once ? JOBS - i : at_once;
            const struct record *found = trial_bench_run(b, &settings, job + i, n);
            for (uint32_t k = 0; k < n; k++)
                trial_bench_expect_equal(&r->record[level][(i + k) * 37 % JOBS], &found[k], what);
        }
    }
}

static void test_order_and_size(void **state)
{
    struct reference r;
    (void)state;
    open_reference(&r);
    compare(&r, &r.bench, JOBS, "another order");
    compare(&r, &r.bench, 7, "seven at a time");
    compare(&r, &r.bench, 1, "one at a time");
    trial_bench_close(&r.bench);
}

static void compare_with(const struct trial_bench_params *params, const char *what)
{
    struct reference r;
    struct trial_bench b;
    open_reference(&r);
    trial_bench_open(&b, params);
    assert_int_equal(b.golden.run.hash, r.bench.golden.run.hash);
    trial_mix_draw(&b, JOBS); /* tensors are those of its own model */
    compare(&r, &b, JOBS, what);
    trial_bench_close(&b);
    trial_bench_close(&r.bench);
}

static void test_budgets(void **state)
{
    struct trial_bench_params params = LLAMA;
    (void)state;
    params.checkpoint_bytes = 1;
    compare_with(&params, "no checkpoints");
    params.checkpoint_bytes = 40000; /* some positions, not all */
    compare_with(&params, "few checkpoints");
    params.checkpoint_bytes = 0;
    params.lanes = 2;
    compare_with(&params, "two trials in flight");
}

/* Forms that strike the model's own memory. */
static void test_mapped_forms(void **state)
{
    struct trial_bench_params params = LLAMA;
    (void)state;
    params.form = CPU_SCALAR;
    compare_with(&params, "scalar form");
    params.form = CPU_MAPPED;
    compare_with(&params, "mapped form");
}

/* Proofs of tokens change the way, never the result. */
static void test_without_proofs(void **state)
{
    struct reference r;
    struct trial_work with = {0}, without = {0};
    (void)state;
    open_reference(&r);
    struct trial_settings settings = {.work = &with};
    trial_bench_run(&r.bench, &settings, r.bench.job, JOBS);
    r.bench.golden.certify = NULL;
    for (uint32_t i = 0; i < r.bench.golden.run.n_tokens; i++)
        r.bench.golden.step[i].certify = NULL;
    settings.work = &without;
    const struct record *found = trial_bench_run(&r.bench, &settings, r.bench.job, JOBS);
    for (uint32_t i = 0; i < JOBS; i++)
        trial_bench_expect_equal(&r.record[0][i], &found[i], "without proofs");
    assert_true(with.certified > 100 && without.certified == 0);
    assert_true(with.outputs < without.outputs);
    trial_bench_close(&r.bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_size),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_mapped_forms),
        cmocka_unit_test(test_without_proofs),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

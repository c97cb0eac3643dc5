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
                trial_bench_expect_equal(b, &r->record[level][(i + k) * 37 % JOBS], &found[k],
                                         what);
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

static void test_scalar_form(void **state)
{
    struct trial_bench_params params = LLAMA;
    (void)state;
    params.form = CPU_SCALAR;
    compare_with(&params, "scalar form");
}

/* Several faults in one stored word, in every order of strikes and scrubs: what they leave is the
 * model as it was, and a whole inference says the same of them. */
static void test_faults_of_one_word(void **state)
{
    static const struct {
        uint32_t position, count;
    } when[][3] = {{{9, FAULT_FOREVER}, {4, FAULT_FOREVER}, {7, FAULT_FOREVER}},
                   {{4, 6}, {7, FAULT_FOREVER}, {9, 20}},
                   {{9, 4}, {4, 30}, {7, FAULT_FOREVER}},
                   {{4, 3}, {4, 8}, {5, 2}}};
    static const char *const sites[] = {"blk.0.attn_norm.weight", "blk.0.ffn_down.weight", "rope"};
    struct reference r;
    struct fault fault[3];
    struct trial_job job = {fault, 3};
    const struct trial_settings fast = {.level = RECORD_FULL},
                                naive = {.level = RECORD_FULL, .path = TRIAL_NAIVE};
    (void)state;
    open_reference(&r);
    for (uint32_t s = 0; s < 3 * sizeof when / sizeof *when; s++) {
        for (uint32_t k = 0; k < 3; k++) {
            fault[k] =
                (struct fault){.kind = k == 1 ? KIND_STUCK_AT_1 : KIND_FLIP, .mask = 3u << k};
            assert_true(fault_find(&fault[k], r.bench.model, sites[s % 3]));
            fault[k].point = HOOK_MEM;
            fault[k].duration = DURATION_PERSISTENT;
            fault[k].position = when[s / 3][k].position;
            fault[k].position_count = when[s / 3][k].count;
            fault[k].row = s % 3 == 2 ? 3 : 0;
            assert_int_equal(fault_check(&fault[k], &r.bench.bounds, "fault"), STATUS_OK);
        }
        const struct record *found = trial_bench_run(&r.bench, &fast, &job, 1);
        const struct record *whole = trial_bench_run(&r.bench, &naive, &job, 1);
        trial_bench_expect_equal(&r.bench, whole, found, "several in one word");
        compare(&r, &r.bench, JOBS, "after several in one word");
    }
    trial_bench_close(&r.bench);
}

/* Several faults in stored bits at once, of norms, matrices, embeddings and tables. */
static void test_several_in_memory(void **state)
{
    static const char *const sites[] = {"output_norm.weight",    "blk.0.attn_norm.weight",
                                        "blk.0.ffn_norm.weight", "blk.0.attn_v.weight",
                                        "token_embd.weight",     "rope"};
    struct reference r;
    struct rng rng;
    (void)state;
    open_reference(&r);
    rng_init(&rng, TRIAL_BENCH_SEED, 7);
    for (uint32_t t = 0; t < 200; t++) {
        struct fault fault[3];
        struct trial_job job = {fault, 3};
        for (uint32_t k = 0; k < 3; k++) {
            fault[k] = (struct fault){.kind = KIND_FLIP, .mask = 1u << trial_mix_below(&rng, 4)};
            assert_true(fault_find(&fault[k], r.bench.model, sites[trial_mix_below(&rng, 6)]));
            fault[k].point = HOOK_MEM;
            fault[k].duration = DURATION_PERSISTENT;
            fault[k].position = trial_mix_below(&rng, r.bench.golden.n_evaluated);
            fault[k].position_count = trial_mix_below(&rng, 2) ? FAULT_FOREVER : 5;
            if (fault[k].place == PLACE_TABLE || fault[k].tensor->n_dims > 1)
                fault[k].row = trial_mix_below(&rng, 50);
            fault[k].k = trial_mix_below(&rng, 16);
            if (fault[k].place == PLACE_WEIGHT && fault[k].tensor->type == QUANT_F32)
                fault[k].mask = 1u << (trial_mix_below(&rng, 12) + 20);
            assert_int_equal(fault_check(&fault[k], &r.bench.bounds, "fault"), STATUS_OK);
        }
        const enum record_level level = t % 2 ? RECORD_FULL : RECORD_OUTCOME;
        const struct trial_settings fast = {.level = level},
                                    naive = {.level = level, .path = TRIAL_NAIVE};
        const struct record *found = trial_bench_run(&r.bench, &fast, &job, 1);
        const struct record *whole = trial_bench_run(&r.bench, &naive, &job, 1);
        trial_bench_expect_equal(&r.bench, whole, found, "several in memory");
    }
    compare(&r, &r.bench, JOBS, "after several in memory");
    trial_bench_close(&r.bench);
}

/* What fires on a value pattern is predicted behind the layers, too: at columns with outputs. */
static void test_conditions_behind_the_layers(void **state)
{
    static const uint32_t points[] = {HOOK_OUT, HOOK_OPERAND, HOOK_PARTIAL, HOOK_WEIGHT};
    struct reference r;
    (void)state;
    open_reference(&r);
    for (uint32_t t = 0; t < 32; t++) {
        struct fault fault = {.kind = KIND_FLIP, .mask = 8};
        const struct trial_job job = {&fault, 1};
        assert_true(fault_find(&fault, r.bench.model, t & 1 ? "output" : "output_norm"));
        fault.point = points[t / 2 % 4];
        fault.position = t & 8 ? 40 : TRIAL_BENCH_PROMPT_COUNT - 1;
        const bool chain = t & 1 || fault.point == HOOK_PARTIAL; /* a gain has a row alone */
        fault.k = chain && fault.point != HOOK_OUT ? 3 : 0;
        fault.row =
            fault.point == HOOK_OUT || (t & 1 ? fault.point != HOOK_OPERAND : !fault.k) ? 5 : 0;
        fault.only_mask = 1; /* one of two values: half of these fire */
        fault.only_value = t & 16 ? 1 : 0;
        assert_int_equal(fault_check(&fault, &r.bench.bounds, "fault"), STATUS_OK);
        const struct trial_settings fast = {.level = RECORD_OUTCOME},
                                    naive = {.level = RECORD_OUTCOME, .path = TRIAL_NAIVE};
        const struct record *found = trial_bench_run(&r.bench, &fast, &job, 1);
        const struct record *whole = trial_bench_run(&r.bench, &naive, &job, 1);
        trial_bench_expect_equal(&r.bench, whole, found, "a condition behind the layers");
    }
    trial_bench_close(&r.bench);
}

/* Proofs of tokens change how, never what. */
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
        trial_bench_expect_equal(&r.bench, &r.record[0][i], &found[i], "without proofs");
    assert_true(with.certified > 100 && without.certified == 0);
    assert_true(with.outputs < without.outputs);
    trial_bench_close(&r.bench);
}

/* A naive trial is the inference that generate() runs. */
static void test_naive_is_generate(void **state)
{
    struct reference r;
    (void)state;
    open_reference(&r);
    struct trial_bench *b = &r.bench;
    const struct trial_settings settings = {.level = RECORD_SUMMARY, .path = TRIAL_NAIVE};
    const struct record *naive = trial_bench_run(b, &settings, b->job, JOBS);
    for (uint32_t i = 0; i < JOBS; i++) {
        struct tap_fault tapped[TRIAL_MIX_FAULTS];
        struct generate_params params = b->golden.params;
        struct generation run;
        struct tap tap;
        uint64_t count = 0;
        for (uint32_t k = 0; k < b->job[i].n_faults; k++)
            fault_tap(&b->job[i].fault[k], &b->bounds, &tapped[k]);
        assert_int_equal(tap_init(&tap, tapped, b->job[i].n_faults, b->ex), STATUS_OK);
        params.checkpoints = false;
        params.tap = &tap;
        assert_int_equal(generate(&run, &b->arena, &params), STATUS_OK);
        for (uint32_t k = 0; k < b->job[i].n_faults; k++)
            count += tap_proof(&tap, k).count;
        kv_release(b->ex->kv, run.branch);
        assert_int_equal(tap_finish(&tap, b->ex), STATUS_OK);
        assert_int_equal(run.n_tokens, naive[i].n_tokens);
        assert_memory_equal(run.tokens, naive[i].tokens, run.n_tokens * sizeof *run.tokens);
        assert_int_equal(count, naive[i].activations);
        if (naive[i].due == DUE_NONE)
            assert_int_equal(run.hash, naive[i].hash);
    }
    trial_bench_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_size),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_scalar_form),
        cmocka_unit_test(test_without_proofs),
        cmocka_unit_test(test_naive_is_generate),
        cmocka_unit_test(test_faults_of_one_word),
        cmocka_unit_test(test_several_in_memory),
        cmocka_unit_test(test_conditions_behind_the_layers),
    };
    fpenv_set();
    if (tiny_model_is_missing())
        return TINY_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

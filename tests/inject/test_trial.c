/* SPDX-License-Identifier: MIT */
/* Whole inferences and shared passes give the same records: all kinds of faults, each level. */
#include "trial_mix.h"

#define LEVELS 3

struct seen {
    uint32_t outcome[OUTCOME_COUNT], place[PLACE_COUNT], kind[KIND_COUNT], due[DUE_REASON_COUNT];
};

/* The naive records, then the fast ones of one batch. */
static void run_level(struct trial_bench *b, const struct trial_settings *asked, struct seen *seen)
{
    struct trial_settings settings = *asked;
    settings.path = TRIAL_NAIVE;
    const struct record *naive = trial_bench_run(b, &settings, b->job, b->count);
    settings.path = TRIAL_FAST;
    const struct record *fast = trial_bench_run(b, &settings, b->job, b->count);
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->job[i].n_faults == 1 && b->job[i].fault->kind == KIND_DRY)
            assert_int_equal(naive[i].outcome, OUTCOME_MASKED_BITEXACT);
        trial_bench_expect_equal(&naive[i], &fast[i], "fast against naive");
        seen->outcome[fast[i].outcome]++;
        seen->due[fast[i].due_reason]++;
        seen->place[fast[i].fault.place]++;
        seen->kind[fast[i].fault.kind]++;
    }
}

/* The clean run is still clean: no strike of a trial remains. */
static void expect_clean(struct trial_bench *b)
{
    struct generation again;
    assert_int_equal(generate(&again, &b->arena, &b->golden.params), STATUS_OK);
    assert_int_equal(again.hash, b->golden.run.hash);
    kv_release(b->ex->kv, again.branch);
}

static void run_model(const struct trial_bench_params *params, uint32_t count)
{
    struct trial_bench b;
    struct seen seen = {0};
    trial_bench_open(&b, params);
    trial_mix_draw(&b, count);
    for (int level = 0; level < LEVELS; level++) {
        const struct trial_settings settings = {
            .level = (enum record_level)level, .nan_trap = level == 1, .work_factor = 4};
        run_level(&b, &settings, &seen);
    }
    expect_clean(&b);
    for (int place = 0; place < PLACE_COUNT; place++)
        assert_true(seen.place[place] > 0);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        assert_true(seen.kind[kind] > 0);
    assert_true(seen.outcome[OUTCOME_MASKED_TOKENS] > 0);
    assert_true(seen.outcome[OUTCOME_SDC_UNSCORED] > 0);
    assert_true(seen.due[DUE_RANGE] > 0 && seen.due[DUE_NAN_TRAP] > 0);
    trial_bench_close(&b);
}

static void test_llama(void **state)
{
    (void)state;
    run_model(
        &(struct trial_bench_params){.file = "tiny-llama-q4_1.gguf", .n = 24, .level = RECORD_FULL},
        240);
}

static void test_gemma3_f16(void **state)
{
    (void)state;
    run_model(&(struct trial_bench_params){.file = "tiny-gemma3.gguf",
                                           .act = STORAGE_F16,
                                           .kv = STORAGE_F16,
                                           .n = 16,
                                           .level = RECORD_FULL},
              160);
}

static void test_qwen2_bf16(void **state)
{
    (void)state;
    run_model(&(struct trial_bench_params){.file = "tiny-qwen2.gguf",
                                           .act = STORAGE_BF16,
                                           .kv = STORAGE_BF16,
                                           .n = 16,
                                           .level = RECORD_FULL},
              160);
}

/* A sampled golden run that ends early: faulty ones may go on, up to the budget. */
static void test_runaway(void **state)
{
    struct trial_bench b;
    struct seen seen = {0};
    uint32_t n = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 400 && (n < 3 || n > 12); seed++) {
        if (seed > 0)
            trial_bench_close(&b);
        trial_bench_open(&b, &(struct trial_bench_params){.file = "tiny-llama-q4_1.gguf",
                                                          .n = 60,
                                                          .level = RECORD_SUMMARY,
                                                          .temperature = 4,
                                                          .seed = seed,
                                                          .ends = true});
        n = b.golden.run.n_tokens;
    }
    assert_true(n >= 3 && n <= 12);
    trial_mix_draw(&b, 120);
    run_level(&b, &(struct trial_settings){.level = RECORD_SUMMARY, .work_factor = 1.25}, &seen);
    assert_true(seen.due[DUE_RUNAWAY] > 0);
    expect_clean(&b);
    trial_bench_close(&b);
}

/* Finite results of attn_v and rope_k that only the narrowing to f16 makes infinite. */
static void test_origin_in_kv(void **state)
{
    static const char *const sites[][2] = {{"blk.1.attn_v", "blk.1.kv_v"},
                                           {"blk.1.rope_k", "blk.1.kv_k"}};
    struct trial_bench b;
    const struct trial_settings settings = {.level = RECORD_FULL};
    (void)state;
    trial_bench_open(
        &b, &(struct trial_bench_params){
                .file = "tiny-qwen2.gguf", .kv = STORAGE_F16, .n = 4, .level = RECORD_FULL});
    for (int i = 0; i < 2; i++) {
        const struct node *node = graph_find(&b.model->graph, sites[i][0]);
        assert_non_null(node);
        const struct fault fault = {.place = PLACE_OP,
                                    .site = node->site,
                                    .node = (uint32_t)(node - b.model->graph.node),
                                    .layer = node->layer,
                                    .point = HOOK_OUT,
                                    .duration = DURATION_TRANSIENT,
                                    .position = TRIAL_BENCH_PROMPT_COUNT - 1,
                                    .position_count = 1,
                                    .row_count = 1,
                                    .row_step = 1,
                                    .k_count = 1,
                                    .k_step = 1,
                                    .kind = KIND_SET,
                                    .mask = UINT32_MAX,
                                    .value = 0x47c35000}; /* 1e5 */
        assert_int_equal(fault_check(&fault, &b.bounds, "1e5"), STATUS_OK);
        const struct record *record =
            trial_bench_run(&b, &settings, &(struct trial_job){.fault = &fault, .n_faults = 1}, 1);
        assert_non_null(record->nan_site);
        assert_string_equal(record->nan_site, sites[i][1]);
        assert_int_equal(record->nan_layer, 1);
        assert_int_equal(record->nan_step, 0);
    }
    trial_bench_close(&b);
}

/* Faults on a value pattern are predicted after the layers too: at columns with outputs. */
static void test_conditions_behind_the_layers(void **state)
{
    static const uint32_t points[] = {HOOK_OUT, HOOK_OPERAND, HOOK_PARTIAL, HOOK_WEIGHT};
    struct trial_bench b;
    (void)state;
    trial_bench_open(&b, &(struct trial_bench_params){.file = "tiny-llama-q4_1.gguf", .n = 24});
    for (uint32_t t = 0; t < 32; t++) {
        struct fault fault = {.kind = KIND_FLIP, .mask = 8};
        const struct trial_job job = {.fault = &fault, .n_faults = 1};
        assert_true(fault_find(&fault, b.model, t & 1 ? "output" : "output_norm"));
        fault.point = points[t / 2 % 4];
        fault.position = t & 8 ? 40 : TRIAL_BENCH_PROMPT_COUNT - 1;
        const bool chain = t & 1 || fault.point == HOOK_PARTIAL; /* a gain has a row alone */
        fault.k = chain && fault.point != HOOK_OUT ? 3 : 0;
        fault.row =
            fault.point == HOOK_OUT || (t & 1 ? fault.point != HOOK_OPERAND : !fault.k) ? 5 : 0;
        fault.only_mask = 1; /* one of two values: half of these fire */
        fault.only_value = t & 16 ? 1 : 0;
        assert_int_equal(fault_check(&fault, &b.bounds, "fault"), STATUS_OK);
        const struct trial_settings naive = {.path = TRIAL_NAIVE};
        const struct record *found = trial_bench_run(&b, &(struct trial_settings){0}, &job, 1);
        const struct record *whole = trial_bench_run(&b, &naive, &job, 1);
        trial_bench_expect_equal(whole, found, "a condition after the layers");
    }
    trial_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama),
        cmocka_unit_test(test_gemma3_f16),
        cmocka_unit_test(test_qwen2_bf16),
        cmocka_unit_test(test_runaway),
        cmocka_unit_test(test_conditions_behind_the_layers),
        cmocka_unit_test(test_origin_in_kv),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

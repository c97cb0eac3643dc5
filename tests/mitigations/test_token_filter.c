/* SPDX-License-Identifier: MIT */
/* Token filter and adaptive verification, by a calibration made here: clean runs keep their bits,
 * suspects and verified tokens that a fault reached have golden's bits again; on every device. */
#include <math.h>

#include "base/rng.h"
#include "calibrated_bench.h"
#include "model/generate.h"

enum { TOKENS = 12, PROMPTS = 24 };

#define FILTER(level) "{'protect': [{'kind': 'token_filter', 'quantile': '" level "'}], " MOST
#define ADAPTIVE(mode, budget)                                                                     \
    "{'protect': [{'kind': 'adaptive', 'mode': '" mode "', 'budget': " budget "}], " MOST
#define MOST "'most_redone': 1000}"

/* A bench with the calibration of its own prompt and others. */
struct bench {
    struct protect_bench protect;
    struct calibration calibration;
    struct calibrate *calibrate;
};

static void open_bench(struct bench *b, const struct trial_bench_params *params, struct gpu *gpu,
                       const char *policy, uint32_t prompts)
{
    *b = (struct bench){0};
    trial_bench_open_on(&b->protect.trial, params, gpu);
    calibrated_bench(&b->protect, &b->calibrate, &b->calibration, prompts);
    protect_bench_protect(&b->protect, policy, &b->calibration);
}

/* The same runs and calibration under another policy. */
static void change_policy(struct bench *b, const char *policy)
{
    protector_close(&b->protect.protector);
    protect_bench_protect(&b->protect, policy, &b->calibration);
}

static void close_bench(struct bench *b)
{
    calibrate_close(&b->calibrate);
    protect_bench_close(&b->protect);
}

static bool is_golden(const struct bench *b, const struct record *record)
{
    return record->hash == b->protect.trial.golden.run.hash;
}

/* A clean run has no false alarm, keeps its bits, and computes a share of its columns again. */
static uint32_t run_clean(struct bench *b)
{
    struct fault dry = trial_bench_fault(&b->protect.trial, "blk.0.ffn_down", 40, 1);
    dry.kind = KIND_DRY;
    const struct record *record = protect_bench_strike(&b->protect, &dry, true);
    assert_true(is_golden(b, record));
    assert_true(record->protection.damage == DECODE_CLEAN ||
                record->protection.damage == DECODE_FALSE_ALARM);
    if (record->protection.alarms == 0)
        assert_int_equal(record->protection.damage, DECODE_CLEAN);
    return record->redone;
}

static const char *const SITES[] = {"output",           "output_norm",  "blk.0.ffn_residual",
                                    "blk.0.ffn_act",    "blk.0.attn_v", "blk.0.attn_residual",
                                    "blk.0.attn_output"};

/* Transient flips of a high bit at tokens; `all`: every one is found. */
static void run_faults(struct bench *b, bool all)
{
    uint32_t changed = 0, found = 0;
    for (size_t i = 0; i < 3 * sizeof(SITES) / sizeof(*SITES); i++) {
        const struct fault fault =
            trial_bench_fault(&b->protect.trial, SITES[i / 3],
                              TRIAL_BENCH_PROMPT_COUNT - 1 + (uint32_t)(i % 3) * 3, 0x40000000);
        const bool other = !is_golden(b, protect_bench_strike(&b->protect, &fault, false));
        const struct record *record = protect_bench_strike(&b->protect, &fault, true);
        changed += other;
        found += other && is_golden(b, record);
        if (record->protection.damage == DECODE_CORRECTED)
            assert_true(is_golden(b, record));
        if (other && is_golden(b, record))
            assert_int_equal(record->protection.damage, DECODE_CORRECTED);
        assert_true(record->protection.damage != DECODE_UNCORRECTED);
    }
    assert_true(changed >= 15);
    if (all)
        assert_int_equal(found, changed);
    else
        assert_true(found >= changed / 2);
}

/* Logits that are no numbers are never picked from. */
static void run_nan(struct bench *b)
{
    struct fault fault = trial_bench_fault(&b->protect.trial, "output", 38, 0x7fffffff);
    fault.kind = KIND_SET;
    fault.value = 0x7fc00000;
    const struct record *record = protect_bench_strike(&b->protect, &fault, true);
    assert_true(is_golden(b, record));
    assert_int_equal(record->protection.damage, DECODE_CORRECTED);
    assert_int_equal(record->protection.alarms, 1);
}

/* A lane that is wrong from some token on gives the same bits when its column is computed again,
 * and others to other lanes. */
static void run_permanent(struct bench *b, bool rotated)
{
    static const char *const sites[] = {"blk.0.ffn_down", "blk.0.attn_q", "blk.0.ffn_up"};
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        struct fault fault = trial_bench_fault(&b->protect.trial, sites[i],
                                               TRIAL_BENCH_PROMPT_COUNT + 2, 0x10000000);
        fault.row_count = 1;
        fault.duration = DURATION_PERMANENT;
        fault.position_count = FAULT_FOREVER;
        const struct record *record = protect_bench_strike(&b->protect, &fault, true);
        assert_int_equal(record->protection.damage, rotated ? DECODE_UNCORRECTED : DECODE_CLEAN);
        assert_false(is_golden(b, record));
    }
}

static void run_device(const char *file, enum storage type, struct gpu *gpu)
{
    const struct trial_bench_params params = {
        .file = file, .act = type, .kv = type, .n = TOKENS, .level = RECORD_SUMMARY};
    struct bench b;
    open_bench(&b, &params, gpu, FILTER("0"), PROMPTS); /* the calibration saw this run */
    assert_int_equal(run_clean(&b), 0);
    run_faults(&b, false);
    run_nan(&b);
    change_policy(&b, FILTER("1e-2"));
    (void)run_clean(&b);
    change_policy(&b, ADAPTIVE("periodic", "1"));
    assert_int_equal(run_clean(&b), TOKENS);
    run_faults(&b, true);
    run_permanent(&b, false);
    change_policy(&b, ADAPTIVE("periodic", "1, 'rotate': 'on'"));
    assert_int_equal(run_clean(&b), TOKENS);
    run_permanent(&b, true);
    change_policy(&b, ADAPTIVE("adaptive", "0.05"));
    assert_true(run_clean(&b) <= 0.05 * (TRIAL_BENCH_PROMPT_COUNT + TOKENS) + 1);
    run_faults(&b,
               false); /* a run much shorter than 1 / budget has its first verification on loan */
    change_policy(&b, ADAPTIVE("adaptive", "2"));
    (void)run_clean(&b);
    change_policy(&b, ADAPTIVE("random", "0.5"));
    assert_true(run_clean(&b) > 0);
    close_bench(&b);
}

static void test_cpu(void **state)
{
    (void)state;
    run_device("tiny-llama-q4_1.gguf", STORAGE_F32, NULL);
    run_device("tiny-qwen2.gguf", STORAGE_F16, NULL);
    run_device("tiny-gemma3.gguf", STORAGE_BF16, NULL);
}

static void test_vulkan(void **state)
{
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    run_device("tiny-llama-q4_1.gguf", STORAGE_F16, gpu);
    gpu_close(&gpu);
}

/* Every tiny model, with all types of activations and of KV: no alarm in runs that the calibration
 * has seen. */
static void test_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROTECT_BENCH_CASES; i++) {
        const struct trial_bench_params params = protect_bench_case(i);
        struct bench b;
        open_bench(&b, &params, NULL, FILTER("0"), 1);
        protect_bench_expect_clean(&b.protect, params.file);
        close_bench(&b);
    }
}

/* What was noted is what the model gives: bounds hold all outputs, quantiles are in order. */
static void test_calibrate(void **state)
{
    const struct trial_bench_params params = {
        .file = "tiny-qwen2.gguf", .n = TOKENS, .level = RECORD_SUMMARY};
    struct bench b;
    (void)state;
    open_bench(&b, &params, NULL, FILTER("0"), PROMPTS);
    const struct calibration *c = &b.calibration;
    const struct graph *graph = &c->model->graph;
    assert_int_equal(c->tokens[CALIBRATION_FIRST], PROMPTS);
    assert_int_equal(c->tokens[CALIBRATION_LATER], PROMPTS * (TOKENS - 1));
    assert_int_equal(c->columns, PROMPTS * (TRIAL_BENCH_PROMPT_COUNT + TOKENS - 1));
    for (uint32_t i = 0; i < graph->count; i++) {
        float low, high;
        const bool site = calibration_site(graph, i), output = i + 1 == graph->count;
        assert_int_equal(calibration_bounds(c, i, CALIBRATION_LATER, &low, &high), site);
        assert_int_equal(calibration_bounds(c, i, CALIBRATION_FIRST, &low, &high), site && !output);
    }
    for (uint32_t k = 0; k < CALIBRATION_CLASSES; k++) {
        for (uint32_t f = 0; f < CALIBRATION_FEATURES; f++) {
            for (uint32_t i = 1; i < CALIBRATION_LEVELS; i++) {
                const struct calibration_range *r = &c->feature[k][f][i];
                assert_true(r->low >= r[-1].low && r->high <= r[-1].high && r->low <= r->high);
            }
        }
    }
    const struct calibration_range *most = c->feature[CALIBRATION_LATER][CALIBRATION_MAXIMUM];
    float low, high;
    assert_true(calibration_bounds(c, graph->count - 1, CALIBRATION_LATER, &low, &high));
    assert_true((double)high >= most[0].high);
    assert_true(c->tau > 0 && c->tau >= c->feature[CALIBRATION_LATER][CALIBRATION_MARGIN][3].low);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calibrate),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_vulkan),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

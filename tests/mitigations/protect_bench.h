/* SPDX-License-Identifier: MIT */
/* Trials of a small model under a policy, for tests of protections. */
#ifndef VKFI_TESTS_PROTECT_BENCH_H
#define VKFI_TESTS_PROTECT_BENCH_H

#include <math.h>

#include "mitigations/calibration.h"
#include "mitigations/protector.h"
#include "tests/inject/trial_bench.h"

struct protect_bench {
    struct trial_bench trial; /* open, with its golden run */
    struct policy policy;
    struct protector *protector;
    struct decode decode; /* protected */
};

/* The policy is JSON with ' for the double quote. */
static inline void protect_bench_protect(struct protect_bench *b, const char *policy,
                                         const struct calibration *calibration)
{
    struct decode_rules rules = b->trial.golden.decode.rules;
    const struct protection_setup setup = {b->trial.ex, calibration};
    struct json_doc *doc;
    char *text = arena_text(&b->trial.arena, policy, strlen(policy));
    for (char *c = strchr(text, '\''); c; c = strchr(c, '\''))
        *c = '"';
    assert_int_equal(json_parse(&doc, text, strlen(text), "policy"), STATUS_OK);
    assert_int_equal(policy_read(&b->policy, &b->trial.arena, doc, json_root(doc)), STATUS_OK);
    json_destroy(&doc);
    assert_int_equal(protector_open(&b->protector, &b->policy, &setup), STATUS_OK);
    rules.check = protector_check(b->protector);
    assert_int_equal(decode_open(&b->decode, &b->trial.arena, &rules, b->trial.ex), STATUS_OK);
}

/* A calibration whose bounds no value leaves. */
static inline void protect_bench_wide(struct calibration *out, struct trial_bench *b)
{
    const uint32_t n = b->model->graph.count;
    *out = (struct calibration){.model = b->model, .act = b->params.act, .kv = b->params.kv};
    out->bound = arena_array(&b->arena, n, sizeof(*out->bound));
    assert_non_null(out->bound);
    for (uint32_t i = 0; i < n; i++) {
        for (int c = 0; c < CALIBRATION_CLASSES; c++)
            out->bound[i][c] = (struct calibration_range){-1e30, 1e30};
    }
    struct calibration_range *feature = out->feature[0][0];
    for (size_t i = 0; i < sizeof(out->feature) / sizeof(*feature); i++)
        feature[i] = (struct calibration_range){-INFINITY, INFINITY};
}

static inline void protect_bench_close(struct protect_bench *b)
{
    protector_close(&b->protector);
    trial_bench_close(&b->trial);
}

/* Golden's run once more under the policy; its branch is released. */
static inline struct decode_summary protect_bench_again(struct protect_bench *b,
                                                        struct generation *out)
{
    struct generate_params params = b->trial.golden.params;
    params.rules = b->decode.rules;
    params.checkpoints = false;
    params.save_position = EXECUTOR_NONE;
    assert_int_equal(generate(out, &b->trial.arena, &params), STATUS_OK);
    kv_release(b->trial.ex->kv, out->branch);
    return decode_sum(&b->decode, out);
}

/* The only event of the protected run under one fault, which ends with golden's bits. */
static inline struct protector_event protect_bench_event(struct protect_bench *b,
                                                         const struct fault *fault)
{
    struct generate_params params = b->trial.golden.params;
    struct tap_fault tapped;
    struct tap tap;
    struct generation run;
    uint32_t n, dropped;
    fault_tap(fault, &b->trial.bounds, &tapped);
    assert_int_equal(tap_init(&tap, &tapped, 1, b->trial.ex), STATUS_OK);
    params.rules = b->decode.rules;
    params.checkpoints = false;
    params.save_position = EXECUTOR_NONE;
    params.tap = &tap;
    assert_int_equal(generate(&run, &b->trial.arena, &params), STATUS_OK);
    assert_int_equal(run.hash, b->trial.golden.run.hash);
    const struct protector_event *event = protector_events(b->protector, run.state, &n, &dropped);
    assert_int_equal(n, 1);
    assert_int_equal(dropped, 0);
    kv_release(b->trial.ex->kv, run.branch);
    assert_int_equal(tap_finish(&tap, b->trial.ex), STATUS_OK);
    return *event;
}

/* It has golden's bits, and no alarm. */
static inline void protect_bench_expect_clean(struct protect_bench *b, const char *what)
{
    struct generation run;
    const struct decode_summary sum = protect_bench_again(b, &run);
    if (run.hash != b->trial.golden.run.hash || sum.alarms > 0 || run.redone > 0)
        fail_msg("%s: a clean run with %u alarms, %u columns computed again, %s bits", what,
                 sum.alarms, run.redone,
                 run.hash == b->trial.golden.run.hash ? "golden's" : "other");
}

static const char *const PROTECT_BENCH_FILES[] = {
    "tiny-llama-q4_0.gguf",  "tiny-llama-q4_1.gguf", "tiny-llama-q4_k.gguf", "tiny-llama-q5_0.gguf",
    "tiny-llama-q5_1.gguf",  "tiny-llama-q5_k.gguf", "tiny-llama-q6_k.gguf", "tiny-llama-q2_k.gguf",
    "tiny-llama-mxfp4.gguf", "tiny-llama-q8_0.gguf", "tiny-llama-f16.gguf",  "tiny-llama-bf16.gguf",
    "tiny-qwen2.gguf",       "tiny-gemma3.gguf",     "tiny-gemma2.gguf",     "tiny-falcon-gqa.gguf",
    "tiny-phi3.gguf",        "tiny-olmo2.gguf"};

/* Every tiny model, with all types of activations and of KV: cases 0 to PROTECT_BENCH_CASES - 1. */
#define PROTECT_BENCH_CASES (3 * sizeof(PROTECT_BENCH_FILES) / sizeof(*PROTECT_BENCH_FILES))
static inline struct trial_bench_params protect_bench_case(size_t i)
{
    static const enum cpu_form forms[] = {CPU_AUTO, CPU_SCALAR, CPU_MAPPED};
    return (struct trial_bench_params){.file = PROTECT_BENCH_FILES[i / 3],
                                       .act = (enum storage)(i % 3),
                                       .kv = (enum storage)((i + i / 9) % 3),
                                       .form = forms[(i + i / 3) % 3],
                                       .n = 8,
                                       .level = RECORD_SUMMARY};
}

/* The same on the CPU for all of them. */
static inline void protect_bench_clean(const char *policy)
{
    for (size_t i = 0; i < PROTECT_BENCH_CASES; i++) {
        const struct trial_bench_params params = protect_bench_case(i);
        struct protect_bench b = {0};
        trial_bench_open(&b.trial, &params);
        protect_bench_protect(&b, policy, NULL);
        protect_bench_expect_clean(&b, params.file);
        protect_bench_close(&b);
    }
}

/* `run` on a bench without protections: of each architecture on the CPU, with activations and KV of
 * each type, or of `params` on a Vulkan device. */
static inline void protect_bench_cpu(const struct trial_bench_params *params,
                                     void (*run)(struct protect_bench *b))
{
    static const char *const files[] = {"tiny-llama-q4_1.gguf", "tiny-qwen2.gguf",
                                        "tiny-gemma3.gguf"};
    struct trial_bench_params own = *params;
    for (uint32_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct protect_bench b = {0};
        own.file = files[i];
        own.act = own.kv = (enum storage)i;
        trial_bench_open(&b.trial, &own);
        run(&b);
        protect_bench_close(&b);
    }
}

static inline void protect_bench_vulkan(const struct trial_bench_params *params,
                                        void (*run)(struct protect_bench *b))
{
    struct protect_bench b = {0};
    struct gpu *gpu = NULL;
    trial_bench_gpu(&gpu);
    trial_bench_open_on(&b.trial, params, gpu);
    run(&b);
    protect_bench_close(&b);
    gpu_close(&gpu);
}

/* The record of one fault, protected or not; the naive path gives the same. */
static inline const struct record *protect_bench_strike(struct protect_bench *b,
                                                        const struct fault *fault, bool protected)
{
    struct trial_settings settings = {.level = RECORD_SUMMARY,
                                      .decode = protected ? &b->decode : NULL};
    const struct trial_job job = {.fault = fault, .n_faults = 1};
    const struct record *fast = trial_bench_run(&b->trial, &settings, &job, 1);
    settings.path = TRIAL_NAIVE;
    trial_bench_expect_equal(trial_bench_run(&b->trial, &settings, &job, 1), fast,
                             protected ? "protected" : "unprotected");
    return fast;
}

#endif

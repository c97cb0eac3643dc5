/* SPDX-License-Identifier: MIT */
/* Adaptive verification heeds damage that others found: the token after it is computed twice,
 * within the budget, and false alarms are none; on the CPU and on Vulkan. */
#include "protect_bench.h"

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 12, .level = RECORD_SUMMARY};

#define POLICY(other, adaptive)                                                                    \
    "{'protect': [{'kind': 'adaptive'" adaptive "}, {'kind': '" other "'}], 'most_redone': 1000}"

/* What another protection alarms at, and a fault of the next token that nothing else sees. */
struct strike {
    const char *on, *off; /* policies: alarms are heeded, and are not */
    const char *site;     /* of the first fault */
    bool early;           /* that op is evaluated for every column of the prompt */
    bool nan;
};
static const struct strike STRIKES[] = {
    {.on = POLICY("nan_trap", ""),
     .off = POLICY("nan_trap", ", 'alarms': 'off'"),
     .site = "output",
     .nan = true},
    {.on = POLICY("abft", ""),
     .off = POLICY("abft", ", 'alarms': 'off'"),
     .site = "blk.0.attn_v",
     .early = true},
    {.on = POLICY("range_guard", ", 'budget': 0.2"),
     .off = POLICY("range_guard", ", 'budget': 0.2, 'alarms': 'off'"),
     .site = "blk.0.ffn_down"},
};

/* Columns of the prompt, whose alarm is heeded at the first token after it, and one after them. */
static const uint32_t FIRST[] = {TRIAL_BENCH_PROMPT_COUNT - 2, TRIAL_BENCH_PROMPT_COUNT - 1,
                                 TRIAL_BENCH_PROMPT_COUNT + 5};

static const struct record *strike_both(struct protect_bench *b, const struct strike *strike,
                                        uint32_t position)
{
    struct fault fault[2] = {
        trial_bench_fault(&b->trial, strike->site, position, strike->nan ? UINT32_MAX : 0x40000000),
        trial_bench_fault(&b->trial, "output_norm", position + 1, 1u << 18)};
    if (strike->nan) {
        fault[0].kind = KIND_SET;
        fault[0].value = 0x7fc00000;
    }
    const struct trial_settings settings = {.level = RECORD_SUMMARY, .decode = &b->decode};
    const struct trial_job job = {.fault = fault, .n_faults = 2};
    return trial_bench_run(&b->trial, &settings, &job, 1);
}

static void run_strikes(struct protect_bench *b)
{
    struct calibration wide;
    protect_bench_wide(&wide, &b->trial);
    for (size_t i = 0; i < 2 * sizeof(STRIKES) / sizeof(*STRIKES); i++) {
        const struct strike *strike = &STRIKES[i / 2];
        const bool heeds = i % 2 == 0;
        protect_bench_protect(b, heeds ? strike->on : strike->off, &wide);
        protect_bench_expect_clean(b, heeds ? strike->on : strike->off);
        for (size_t k = strike->early ? 0 : 1; k < sizeof(FIRST) / sizeof(*FIRST); k++) {
            const struct record *record = strike_both(b, strike, FIRST[k]);
            const bool golden = record->hash == b->trial.golden.run.hash;
            if (golden != heeds)
                fail_msg("%s at %u: %s bits", heeds ? strike->on : strike->off, FIRST[k],
                         golden ? "golden's" : "other");
            assert_int_equal(record->protection.damage, DECODE_CORRECTED);
            assert_int_equal(record->protection.alarms, heeds ? 2 : 1);
        }
        protector_close(&b->protector);
    }
}

/* Doubts that the same bits clear, here at every token, are none of damage: nothing follows. */
static void run_false_alarms(struct protect_bench *b)
{
    const uint32_t output = b->trial.model->graph.count - 1;
    struct calibration narrow;
    uint32_t redone[2];
    protect_bench_wide(&narrow, &b->trial);
    narrow.bound[output][CALIBRATION_LATER] = (struct calibration_range){-1e-30, 1e-30};
    for (uint32_t i = 0; i < 2; i++) {
        struct generation run;
        protect_bench_protect(b, i ? STRIKES[2].off : STRIKES[2].on, &narrow);
        const struct decode_summary sum = protect_bench_again(b, &run);
        assert_int_equal(sum.damage, DECODE_FALSE_ALARM);
        assert_int_equal(run.hash, b->trial.golden.run.hash);
        redone[i] = run.redone;
        protector_close(&b->protector);
    }
    assert_true(redone[1] >= LLAMA.n - 1);
    assert_int_equal(redone[0], redone[1]);
}

/* Alarms at every second token cost no more than the budget and the loan. */
static void run_budget(struct protect_bench *b)
{
    enum { ALARMS = 5 };
    const struct trial_settings settings = {.level = RECORD_SUMMARY, .decode = &b->decode};
    struct fault fault[ALARMS];
    const struct trial_job job = {.fault = fault, .n_faults = ALARMS};
    struct calibration wide;
    uint32_t redone[2];
    for (uint32_t i = 0; i < ALARMS; i++) {
        fault[i] =
            trial_bench_fault(&b->trial, "output", TRIAL_BENCH_PROMPT_COUNT + 2 * i, UINT32_MAX);
        fault[i].kind = KIND_SET;
        fault[i].value = 0x7fc00000;
    }
    protect_bench_wide(&wide, &b->trial);
    for (uint32_t i = 0; i < 2; i++) {
        protect_bench_protect(b, i ? STRIKES[0].off : STRIKES[0].on, &wide);
        const struct record *record = trial_bench_run(&b->trial, &settings, &job, 1);
        assert_int_equal(record->hash, b->trial.golden.run.hash);
        assert_int_equal(record->protection.alarms, ALARMS);
        redone[i] = record->redone;
        protector_close(&b->protector);
    }
    assert_int_equal(redone[1], ALARMS);
    assert_true(redone[0] > redone[1]);
    assert_true(redone[0] <= redone[1] + 0.05 * (TRIAL_BENCH_PROMPT_COUNT + 12) + 1);
}

static void run(struct protect_bench *b)
{
    run_strikes(b);
    run_false_alarms(b);
    run_budget(b);
}

static void test_cpu(void **state)
{
    (void)state;
    protect_bench_cpu(&LLAMA, run);
}

static void test_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&LLAMA, run);
}

/* A verification that finds other bits is an event, as any alarm is. */
static void test_events(void **state)
{
    static const char policy[] = "{'protect': [{'kind': 'nan_trap'}, {'kind': 'adaptive', "
                                 "'mode': 'periodic', 'budget': 1}]}";
    const uint32_t position = TRIAL_BENCH_PROMPT_COUNT + 4;
    struct protect_bench b = {0};
    struct calibration wide;
    (void)state;
    trial_bench_open(&b.trial, &LLAMA);
    protect_bench_wide(&wide, &b.trial);
    protect_bench_protect(&b, policy, &wide);
    const struct fault fault = trial_bench_fault(&b.trial, "output_norm", position, 1u << 18);
    const struct protector_event event = protect_bench_event(&b, &fault);
    assert_string_equal(event.protection, "adaptive");
    assert_int_equal(event.position, position);
    assert_int_equal(event.severity, PROTECTION_HARD);
    assert_int_equal(event.back, 2);
    assert_int_equal(event.outcome, DECODE_CORRECTED);
    protect_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_vulkan),
                                       cmocka_unit_test(test_events)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

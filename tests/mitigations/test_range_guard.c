/* SPDX-License-Identifier: MIT */
/* The range guard on the CPU and on Vulkan: a clean run within its bounds keeps its bits, one
 * outside is a false alarm and keeps them too; a high exponent bit is found wherever a bound is,
 * and corrected or cut off; a low mantissa bit is not found. */
#include <float.h>

#include "mitigations/calibration.h"
#include "protect_bench.h"

#define POLICY(word) "{'protect': [{'kind': 'range_guard', 'alpha': 0.1, 'policy': '" word "'}]}"

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 10, .level = RECORD_SUMMARY};
static const uint32_t FIRST = TRIAL_BENCH_PROMPT_COUNT - 1;

/* Bounds of golden's own run. */
struct seen {
    const struct graph *graph;
    struct calibration calibration;
    uint32_t position; /* 1 + that of the column under way */
};

static void see(void *user, const struct node *node, uint32_t column, const float *values,
                uint32_t n)
{
    struct seen *seen = user;
    const uint32_t index = (uint32_t)(node - seen->graph->node);
    (void)column;
    seen->position += index == 0;
    if (!calibration_site(seen->graph, index))
        return;
    struct calibration_range *range =
        &seen->calibration.bound[index][calibration_class_of(seen->position - 1)];
    for (uint32_t i = 0; i < n; i++) {
        range->low = values[i] < range->low ? values[i] : range->low;
        range->high = values[i] > range->high ? values[i] : range->high;
    }
}

static void calibrate(struct protect_bench *b, struct seen *seen)
{
    struct generation run;
    struct generate_params params = b->trial.golden.params;
    *seen = (struct seen){.graph = &b->trial.model->graph};
    seen->calibration.bound =
        arena_array(&b->trial.arena, seen->graph->count, sizeof(*seen->calibration.bound));
    assert_non_null(seen->calibration.bound);
    for (uint32_t i = 0; i < seen->graph->count; i++) {
        for (int class = 0; class < CALIBRATION_CLASSES; class ++)
            seen->calibration.bound[i][class] = (struct calibration_range){DBL_MAX, -DBL_MAX};
    }
    params.checkpoints = false;
    params.save_position = EXECUTOR_NONE;
    params.columns = 1;
    params.watch = see;
    params.watch_user = seen;
    assert_int_equal(generate(&run, &b->trial.arena, &params), STATUS_OK);
    assert_int_equal(run.hash, b->trial.golden.run.hash);
    kv_release(b->trial.ex->kv, run.branch);
}

static const struct record *strike(struct protect_bench *b, const char *site, uint32_t position,
                                   uint32_t mask)
{
    struct fault fault = trial_bench_fault(&b->trial, site, position, mask ? mask : 1);
    fault.row = 2;
    fault.row_count = 1;
    fault.kind = mask ? KIND_STUCK_AT_1 : KIND_DRY;
    return protect_bench_strike(b, &fault, true);
}

static void expect(const struct record *record, enum decode_damage damage, const char *what)
{
    if (record->protection.damage != damage)
        fail_msg("%s: found damage %d after %u alarms, expected %d", what,
                 (int)record->protection.damage, record->protection.alarms, (int)damage);
}

static void run_policies(struct protect_bench *b)
{
    static const char *const policies[] = {POLICY("rerun"), POLICY("clip"), POLICY("zero")};
    static const char *const sites[] = {"blk.0.attn_output",  "blk.0.ffn_act",
                                        "blk.0.ffn_down",     "blk.0.attn_residual",
                                        "blk.0.ffn_residual", "output"};
    const uint64_t golden = b->trial.golden.run.hash;
    struct seen seen;
    calibrate(b, &seen);
    for (int p = 0; p < 3; p++) {
        protect_bench_protect(b, policies[p], &seen.calibration);
        const struct record *record = strike(b, "blk.0.ffn_down", FIRST + 1, 0);
        expect(record, DECODE_CLEAN, "dry");
        assert_int_equal(record->hash, golden);
        for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
            const uint32_t position = i % 2 && i < 5 ? 4 : FIRST + 2;
            record = strike(b, sites[i], position, 0x70000000);
            expect(record, DECODE_CORRECTED, sites[i]);
            assert_int_equal(record->protection.first, position);
            assert_int_equal(record->redone, p == 0);
            assert_true(p != 0 || record->hash == golden);
            expect(strike(b, sites[i], position, 1), DECODE_CLEAN, "a low bit");
        }
        protector_close(&b->protector);
    }
    /* bounds that the clean run leaves */
    for (uint32_t i = 0; i < seen.graph->count; i++)
        seen.calibration.bound[i][CALIBRATION_LATER].high *= 0.5;
    protect_bench_protect(b, policies[0], &seen.calibration);
    const struct record *record = strike(b, "blk.0.ffn_down", FIRST + 1, 0);
    expect(record, DECODE_FALSE_ALARM, "narrow bounds");
    assert_int_equal(record->hash, golden);
    protector_close(&b->protector);
}

static void test_cpu(void **state)
{
    (void)state;
    protect_bench_cpu(&LLAMA, run_policies);
}

static void test_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&LLAMA, run_policies);
}

/* It is of no use without bounds, and says so. */
static void test_refused(void **state)
{
    static const char none[] = "{'protect': [{'kind': 'range_guard', 'sites': ['blk.*.attn_q']}]}";
    struct protect_bench b = {0};
    struct seen seen;
    (void)state;
    trial_bench_open(&b.trial, &LLAMA);
    calibrate(&b, &seen);
    protect_bench_protect(&b, POLICY("clip"), &seen.calibration);
    protector_close(&b.protector);
    const struct protection_setup without = {b.trial.ex, NULL},
                                  with = {b.trial.ex, &seen.calibration};
    assert_int_equal(protector_open(&b.protector, &b.policy, &without), STATUS_INPUT);
    struct json_doc *doc;
    char *text = arena_text(&b.trial.arena, none, strlen(none));
    for (char *c = strchr(text, '\''); c; c = strchr(c, '\''))
        *c = '"';
    assert_int_equal(json_parse(&doc, text, strlen(text), "policy"), STATUS_OK);
    assert_int_equal(policy_read(&b.policy, &b.trial.arena, doc, json_root(doc)), STATUS_OK);
    json_destroy(&doc);
    assert_int_equal(protector_open(&b.protector, &b.policy, &with), STATUS_INPUT);
    trial_bench_close(&b.trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_vulkan),
                                       cmocka_unit_test(test_refused)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

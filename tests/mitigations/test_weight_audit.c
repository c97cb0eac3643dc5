/* SPDX-License-Identifier: MIT */
/* The weight audit: clean runs keep their bits, flips in stored weights are written anew and what
 * read them is computed again, stuck bits are said to be uncorrected; on every device. */
#include "protect_bench.h"

#define SWEEP "{'protect': [{'kind': 'weight_audit', 'mode': 'end'}], 'most_redone': 1000}"
#define ROLLING                                                                                    \
    "{'protect': [{'kind': 'weight_audit', 'mode': 'rolling', 'pages': 1000}],"                    \
    " 'most_redone': 1000}"
#define SLOW                                                                                       \
    "{'protect': [{'kind': 'weight_audit', 'mode': 'rolling', 'pages': 1,"                         \
    " 'critical': ['*ffn_down*']}], 'most_redone': 1000}"

static const char *const SITES[] = {"blk.0.ffn_down.weight", "blk.0.attn_q.weight",
                                    "blk.0.attn_norm.weight", "token_embd.weight",
                                    "output_norm.weight"};

/* Prompt position 3, the first token, a later one. */
static const uint32_t POSITIONS[] = {3, TRIAL_BENCH_PROMPT_COUNT - 1, TRIAL_BENCH_PROMPT_COUNT + 4};

/* Flips in eight elements: rows of a matrix, or those of a vector's only row. */
static struct fault fault_at(const struct protect_bench *b, const char *site, uint32_t position)
{
    struct fault fault = {.kind = KIND_FLIP,
                          .row_count = 1,
                          .row_step = 1,
                          .point = HOOK_MEM,
                          .duration = DURATION_PERSISTENT,
                          .position = position,
                          .position_count = FAULT_FOREVER};
    assert_true(fault_find(&fault, b->trial.model, site));
    *(fault.tensor->dim[1] == 1 ? &fault.k_count : &fault.row_count) = 8;
    fault.k_step = 1;
    fault.mask = fault.tensor->type == QUANT_F32 ? 0x40000000 : 8;
    assert_int_equal(fault_check(&fault, &b->trial.bounds, site), STATUS_OK);
    return fault;
}

static void expect(const struct protect_bench *b, const struct record *record,
                   enum decode_damage damage, const char *what)
{
    const bool golden = record->hash == b->trial.golden.run.hash;
    if (record->protection.damage != damage || golden != (damage != DECODE_UNCORRECTED))
        fail_msg("%s: found damage %d after %u alarms, %s bits", what,
                 (int)record->protection.damage, record->protection.alarms,
                 golden ? "golden's" : "other");
}

static void run_dry(struct protect_bench *b)
{
    struct fault fault = fault_at(b, SITES[0], POSITIONS[1]);
    fault.kind = KIND_DRY;
    const struct record *record = protect_bench_strike(b, &fault, true);
    expect(b, record, DECODE_CLEAN, "dry");
    assert_int_equal(record->redone, 0);
    assert_int_equal(record->protection.alarms, 0);
}

/* Flips that changed the run are gone from it; stuck bits stay. */
static void run_faults(struct protect_bench *b, bool in_time)
{
    uint32_t other = 0;
    for (size_t i = 0; i < sizeof(SITES) / sizeof(*SITES) * 3; i++) {
        struct fault fault = fault_at(b, SITES[i / 3], POSITIONS[i % 3]);
        const bool changes =
            protect_bench_strike(b, &fault, false)->hash != b->trial.golden.run.hash;
        const struct record *record = protect_bench_strike(b, &fault, true);
        other += changes;
        if (in_time || record->protection.alarms > 0)
            expect(b, record, DECODE_CORRECTED, SITES[i / 3]);
        if (in_time)
            assert_true(record->redone > 0);
        fault.kind = i % 2 ? KIND_STUCK_AT_1 : KIND_STUCK_AT_0;
        record = protect_bench_strike(b, &fault, true);
        if (record->outcome != OUTCOME_INERT && record->protection.alarms > 0)
            assert_int_equal(record->protection.damage, DECODE_UNCORRECTED);
        if (in_time && record->outcome != OUTCOME_INERT)
            assert_true(record->protection.alarms > 0);
    }
    assert_true(other > 5);
}

static void run_policy(const char *file, const char *policy, struct gpu *gpu)
{
    struct trial_bench_params params = {.file = file, .n = 10, .level = RECORD_SUMMARY};
    struct protect_bench b = {0};
    trial_bench_open_on(&b.trial, &params, gpu);
    protect_bench_protect(&b, policy, NULL);
    run_dry(&b);
    run_faults(&b, strcmp(policy, SLOW) != 0);
    protect_bench_close(&b);
}

static void test_cpu(void **state)
{
    (void)state;
    run_policy("tiny-llama-q4_1.gguf", SWEEP, NULL);
    run_policy("tiny-llama-q4_k.gguf", ROLLING, NULL);
    run_policy("tiny-qwen2.gguf", SLOW, NULL);
}

static void test_clean(void **state)
{
    (void)state;
    protect_bench_clean("{'protect': [{'kind': 'weight_audit', 'pages': 3}]}");
}

static void test_vulkan(void **state)
{
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    run_policy("tiny-llama-q4_1.gguf", ROLLING, gpu);
    run_policy("tiny-gemma3.gguf", SWEEP, gpu);
    gpu_close(&gpu);
}

/* Damage of the references is told from damage of the weights. */
static void test_references(void **state)
{
    const struct trial_bench_params params = {
        .file = "tiny-llama-q4_1.gguf", .n = 10, .level = RECORD_SUMMARY};
    const struct protection *audit = protections_find("weight_audit");
    struct protection_needs needs = {0};
    struct protect_bench b = {0};
    (void)state;
    trial_bench_open(&b.trial, &params);
    protect_bench_protect(&b, SWEEP, NULL);
    void *self = calloc(1, audit->self);
    assert_non_null(self);
    assert_int_equal(audit->open(self, &b.trial.arena, b.policy.entry[0].params,
                                 &(struct protection_setup){.ex = b.trial.ex}, &needs),
                     STATUS_OK);
    void *memory = calloc(1, needs.state);
    assert_non_null(memory);
    for (uint32_t bit = 0; bit < 512; bit += 17) {
        const struct decode_view view = {.position = 5};
        struct protection_finding found = {0};
        struct protection_area area;
        assert_true(audit->area(self, memory, 0, &area));
        area.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(audit->audit(self, memory, &view, true, &found), STATUS_OK);
        assert_int_equal(found.severity, PROTECTION_QUIET);
    }
    free(memory);
    free(self);
    protect_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_clean),
                                       cmocka_unit_test(test_vulkan),
                                       cmocka_unit_test(test_references)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

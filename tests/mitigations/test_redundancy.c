/* SPDX-License-Identifier: MIT */
/* Redundancy on the CPU and on Vulkan: clean runs keep their bits; what strikes one evaluation is
 * corrected, at any chosen op; what strikes both alike is missed, unless rows are rotated. */
#include "protect_bench.h"

#define ALL(variant) "{'protect': [{'kind': 'redundancy', 'variant': '" variant "'}]}"
#define PART(more) "{'protect': [{'kind': 'redundancy', 'sites': ['blk.*.ffn_*'], " more "}]}"
#define LISTS                                                                                      \
    "{'protect': [{'kind': 'redundancy', 'sites': ['*.attn_q'], 'prefill': ['*.ffn_gate'], "       \
    "'decode': ['*.ffn_down']}]}"

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 10, .level = RECORD_SUMMARY};
static const uint32_t FIRST = TRIAL_BENCH_PROMPT_COUNT - 1;

static void expect(const struct protect_bench *b, const struct record *record,
                   enum decode_damage damage, const char *what)
{
    const bool golden = record->hash == b->trial.golden.run.hash;
    if (record->protection.damage != damage)
        fail_msg("%s: found damage %d after %u alarms, expected %d", what,
                 (int)record->protection.damage, record->protection.alarms, (int)damage);
    if (damage == DECODE_CORRECTED && !golden)
        fail_msg("%s: other bits than golden's", what);
}

/* Flips an exponent bit of one element of a result. */
static struct fault lane(const struct protect_bench *b, const char *site, uint32_t position)
{
    struct fault fault = trial_bench_fault(&b->trial, site, position, 0x10000000);
    fault.row = 3;
    fault.row_count = 1;
    return fault;
}

static void transients(struct protect_bench *b)
{
    static const char *const sites[] = {"token_embd",        "blk.0.attn_norm", "blk.0.attn_q",
                                        "blk.0.attn_v",      "blk.0.rope_k",    "blk.0.attn_heads",
                                        "blk.0.attn_output", "blk.0.ffn_act",   "blk.0.ffn_down",
                                        "blk.0.ffn_residual"};
    struct fault dry = lane(b, "blk.0.ffn_down", FIRST + 2);
    dry.kind = KIND_DRY;
    const struct record *record = protect_bench_strike(b, &dry, true);
    expect(b, record, DECODE_CLEAN, "dry");
    assert_int_equal(record->redone, 0);
    assert_int_equal(record->hash, b->trial.golden.run.hash);
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        const uint32_t position = i % 3 == 0 ? 5 + (uint32_t)i : FIRST + (uint32_t)i % 8;
        const struct fault fault = lane(b, sites[i], position);
        record = protect_bench_strike(b, &fault, true);
        expect(b, record, DECODE_CORRECTED, sites[i]);
        assert_int_equal(record->protection.first, position);
        assert_int_equal(record->redone, 1);
        assert_int_equal(record->activations, 1);
    }
}

static void permanents(struct protect_bench *b, bool rotated)
{
    static const char *const sites[] = {"blk.0.ffn_down", "blk.0.attn_q", "blk.0.ffn_up"};
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        struct fault fault = lane(b, sites[i], FIRST + 3);
        fault.duration = DURATION_PERMANENT;
        fault.position_count = FAULT_FOREVER;
        const struct record *record = protect_bench_strike(b, &fault, true);
        expect(b, record, rotated ? DECODE_UNCORRECTED : DECODE_CLEAN, sites[i]);
        assert_int_not_equal(record->hash, b->trial.golden.run.hash);
        fault.rate = 1u << 30; /* intermittent: a quarter of the evaluations, each of the two */
        fault.duration = DURATION_INTERMITTENT;
        record = protect_bench_strike(b, &fault, true);
        assert_true(record->protection.alarms > 0);
    }
}

/* Stored bits are read alike by both evaluations. */
static void stored(struct protect_bench *b)
{
    const struct fault fault = trial_bench_fault(&b->trial, "blk.0.kv_k", FIRST + 2, 0x1000);
    expect(b, protect_bench_strike(b, &fault, true), DECODE_CLEAN, "KV entry");
}

static void run_policy(struct protect_bench *b, const char *policy, bool rotated)
{
    protect_bench_protect(b, policy, NULL);
    transients(b);
    permanents(b, rotated);
    stored(b);
    protector_close(&b->protector);
}

static void run_policies(struct protect_bench *b)
{
    run_policy(b, ALL("twin"), false);
    run_policy(b, ALL("rotate"), true);
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

/* Faults inside the chosen set are found, those outside are not. */
static void test_chosen(void **state)
{
    static const struct {
        const char *policy, *site;
        uint32_t position;
        bool found;
    } cases[] = {
        {PART("'stage': 'any'"), "blk.1.ffn_up", 7, true},
        {PART("'stage': 'any'"), "blk.1.attn_q", 7, false},
        {PART("'stage': 'prefill'"), "blk.1.ffn_up", 7, true},
        {PART("'stage': 'prefill'"), "blk.1.ffn_up", TRIAL_BENCH_PROMPT_COUNT - 1, false},
        {PART("'stage': 'decode'"), "blk.1.ffn_up", TRIAL_BENCH_PROMPT_COUNT - 1, true},
        {PART("'stage': 'decode'"), "blk.1.ffn_up", TRIAL_BENCH_PROMPT_COUNT - 2, false},
        {LISTS, "blk.1.ffn_gate", 7, true},
        {LISTS, "blk.1.ffn_gate", TRIAL_BENCH_PROMPT_COUNT - 1, false},
        {LISTS, "blk.1.ffn_down", TRIAL_BENCH_PROMPT_COUNT - 1, true},
        {LISTS, "blk.1.ffn_down", 7, false},
        {LISTS, "blk.1.attn_q", 7, true},
        {LISTS, "blk.1.attn_q", TRIAL_BENCH_PROMPT_COUNT - 1, true},
        {PART("'layer_first': 1"), "blk.1.ffn_up", 7, true},
        {PART("'layer_first': 1"), "blk.0.ffn_up", 7, false},
        {PART("'layer_last': 0"), "blk.1.ffn_up", 7, false},
    };
    struct protect_bench b = {0};
    struct trial_bench_params params = LLAMA;
    (void)state;
    params.file = "tiny-qwen2.gguf"; /* of two layers */
    trial_bench_open(&b.trial, &params);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        protect_bench_protect(&b, cases[i].policy, NULL);
        const struct fault fault = lane(&b, cases[i].site, cases[i].position);
        expect(&b, protect_bench_strike(&b, &fault, true),
               cases[i].found ? DECODE_CORRECTED : DECODE_CLEAN, cases[i].policy);
        protector_close(&b.protector);
    }
    trial_bench_close(&b.trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_vulkan),
                                       cmocka_unit_test(test_chosen)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Policies as checks of runs: clean runs keep their bits, transient damage is corrected wherever it
 * strikes, damage that stays is said to be uncorrected; on the CPU and on Vulkan. */
#include "protect_bench.h"

#include "mitigations/recovery.h"

#define NAN_TRAP "{'protect': [{'kind': 'nan_trap'}]}"

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 12, .level = RECORD_SUMMARY};

static struct fault poison(const struct protect_bench *b, const char *site, uint32_t position)
{
    struct fault fault = trial_bench_fault(&b->trial, site, position, UINT32_MAX);
    fault.kind = KIND_SET;
    fault.value = 0x7fc00000;
    return fault;
}

static void expect(const struct record *record, const struct protect_bench *b,
                   enum decode_damage damage, const char *what)
{
    if (record->protection.damage != damage)
        fail_msg("%s: found damage %d after %u alarms", what, (int)record->protection.damage,
                 record->protection.alarms);
    const bool golden = record->hash == b->trial.golden.run.hash;
    if (golden != (damage != DECODE_UNCORRECTED))
        fail_msg("%s: %s", what, golden ? "golden's bits" : "other bits than golden's");
}

static void run_faults(struct protect_bench *b)
{
    const uint32_t first = TRIAL_BENCH_PROMPT_COUNT - 1;
    struct fault fault = trial_bench_fault(&b->trial, "blk.0.ffn_down", first + 3, 1);
    fault.kind = KIND_DRY;
    const struct record *record = protect_bench_strike(b, &fault, true);
    expect(record, b, DECODE_CLEAN, "dry");
    assert_int_equal(record->redone, 0);
    assert_int_equal(record->outcome, OUTCOME_MASKED_BITEXACT);

    fault = poison(b, "output", first + 3);
    assert_int_not_equal(protect_bench_strike(b, &fault, false)->hash, b->trial.golden.run.hash);
    record = protect_bench_strike(b, &fault, true);
    expect(record, b, DECODE_CORRECTED, "transient");
    assert_int_equal(record->protection.first, first + 3);
    assert_int_equal(record->redone, 1);
    assert_int_equal(record->activations, 8);

    fault.duration = DURATION_PERMANENT;
    fault.position_count = FAULT_FOREVER;
    record = protect_bench_strike(b, &fault, true);
    expect(record, b, DECODE_UNCORRECTED, "permanent");
    assert_int_equal(record->protection.alarms, 1);
    assert_int_equal(record->redone, RECOVERY_TRIES);
}

static void run_trap(struct protect_bench *b)
{
    protect_bench_protect(b, NAN_TRAP, NULL);
    run_faults(b);
}

static void test_cpu(void **state)
{
    (void)state;
    protect_bench_cpu(&LLAMA, run_trap);
}

static void test_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&LLAMA, run_trap);
}

/* Events name what happened where. */
static void test_events(void **state)
{
    const uint32_t position = TRIAL_BENCH_PROMPT_COUNT + 4;
    struct protect_bench b = {0};
    (void)state;
    trial_bench_open(&b.trial, &LLAMA);
    protect_bench_protect(&b, NAN_TRAP, NULL);
    const struct fault fault = poison(&b, "output", position);
    const struct protector_event event = protect_bench_event(&b, &fault);
    assert_string_equal(event.protection, "nan_trap");
    assert_int_equal(event.position, position);
    assert_int_equal(event.severity, PROTECTION_HARD);
    assert_int_equal(event.back, 1);
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

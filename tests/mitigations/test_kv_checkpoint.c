/* SPDX-License-Identifier: MIT */
/* Checkpoints of K and V: clean runs keep their bits, damage of kept bits is written over and what
 * read it computed again, damage below them is tolerated, stuck bits are said to be uncorrected. */
#include "base/rng.h"
#include "protect_bench.h"

#define POLICY(bits, every)                                                                        \
    "{'protect': [{'kind': 'kv_checkpoint', 'bits': " bits ", 'every': " every                     \
    "}], 'most_redone': 1000}"

enum { TOKENS = 14 };

/* A flip of `mask` in eight features of an entry, struck at a position. */
static struct fault fault_at(const struct protect_bench *b, const char *site, uint32_t position,
                             uint32_t key)
{
    struct fault fault = trial_bench_fault(&b->trial, site, position, 1);
    fault.key = key;
    fault.mask = UINT32_C(1) << (storage_bits(b->trial.bounds.kv) - 2);
    assert_int_equal(fault_check(&fault, &b->trial.bounds, site), STATUS_OK);
    return fault;
}

static void expect(struct protect_bench *b, const struct fault *fault, enum decode_damage damage,
                   const char *what)
{
    const struct record *record = protect_bench_strike(b, fault, true);
    const bool golden = record->hash == b->trial.golden.run.hash;
    if (record->protection.damage != damage || golden == (damage == DECODE_UNCORRECTED))
        fail_msg("%s, key %u at %u: found damage %d after %u alarms, %s bits", what, fault->key,
                 fault->position, (int)record->protection.damage, record->protection.alarms,
                 golden ? "golden's" : "other");
    assert_true((record->redone > 0) ==
                (damage == DECODE_CORRECTED || damage == DECODE_UNCORRECTED));
}

static void run_policy(struct protect_bench *b, const char *policy, bool all)
{
    static const uint32_t positions[] = {5, TRIAL_BENCH_PROMPT_COUNT - 1,
                                         TRIAL_BENCH_PROMPT_COUNT + 2,
                                         TRIAL_BENCH_PROMPT_COUNT + TOKENS - 3};
    uint32_t changed = 0;
    protect_bench_protect(b, policy, NULL);
    for (size_t i = 0; i < 16; i++) {
        const char *site = i % 2 ? "blk.0.kv_k" : "blk.0.kv_v";
        const uint32_t position = positions[i / 2 % 4];
        const uint32_t key = position - (i < 8 ? 1 : 4); /* within every window */
        struct fault fault = fault_at(b, site, position, key);
        changed += protect_bench_strike(b, &fault, false)->hash != b->trial.golden.run.hash;
        expect(b, &fault, DECODE_CORRECTED, policy);
        fault.mask = 1;
        if (all) {
            expect(b, &fault, DECODE_CORRECTED, policy);
        } else {
            const struct record *record = protect_bench_strike(b, &fault, true);
            assert_int_equal(record->protection.damage, DECODE_CLEAN);
            assert_int_equal(record->redone, 0);
        }
        fault.kind = KIND_DRY;
        expect(b, &fault, DECODE_CLEAN, policy);
        fault.kind = KIND_STUCK_AT_1;
        fault.mask = UINT32_C(1) << (storage_bits(b->trial.bounds.kv) - 2);
        const struct record *record = protect_bench_strike(b, &fault, true);
        assert_true(record->outcome == OUTCOME_INERT ||
                    record->protection.damage == DECODE_UNCORRECTED);
    }
    assert_true(changed > 8);
    protector_close(&b->protector);
}

static void open_bench(struct protect_bench *b, const char *file, enum storage kv, struct gpu *gpu)
{
    const struct trial_bench_params params = {
        .file = file, .kv = kv, .n = TOKENS, .level = RECORD_SUMMARY};
    *b = (struct protect_bench){0};
    trial_bench_open_on(&b->trial, &params, gpu);
}

static void test_cpu(void **state)
{
    struct protect_bench b;
    (void)state;
    open_bench(&b, "tiny-llama-q4_1.gguf", STORAGE_F32, NULL);
    run_policy(&b, POLICY("32", "1"), true);
    run_policy(&b, POLICY("8", "3"), false);
    protect_bench_close(&b);
    open_bench(&b, "tiny-qwen2.gguf", STORAGE_F16, NULL);
    run_policy(&b, POLICY("5", "1000"), false); /* found at the end of the run */
    protect_bench_close(&b);
    open_bench(&b, "tiny-gemma3.gguf", STORAGE_BF16, NULL);
    run_policy(&b, POLICY("16", "2"), true);
    protect_bench_close(&b);
}

static void test_clean(void **state)
{
    (void)state;
    protect_bench_clean(POLICY("32", "1"));
    protect_bench_clean(POLICY("7", "2"));
}

static void test_vulkan(void **state)
{
    struct protect_bench b;
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    open_bench(&b, "tiny-llama-q4_1.gguf", STORAGE_F16, gpu);
    run_policy(&b, POLICY("8", "2"), false);
    protect_bench_close(&b);
    gpu_close(&gpu);
}

/* One protection as the check of a run, with its memory at hand. */
struct direct {
    const struct protection *protection;
    void *self;
    uint32_t strike_at, bit, alarms; /* position at which the protection's memory is damaged */
};

static uint32_t ask(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out)
{
    const struct direct *d = user;
    return d->protection->ask(d->self, state, position, prompt, out);
}

static enum status judge(struct direct *d, void *state, const struct decode_view *view,
                         const struct protection_finding *found, struct decode_verdict *out)
{
    d->alarms += found->severity != PROTECTION_QUIET;
    out->back = found->back;
    if (found->back > 0)
        d->protection->back(d->self, state, view->position + 1 - found->back);
    return STATUS_OK;
}

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    struct direct *d = user;
    struct protection_finding found = {0};
    struct protection_area area;
    const enum status st = d->protection->look(d->self, state, view, &found);
    if (view->position == d->strike_at && d->protection->area(d->self, state, 0, &area)) {
        area.bytes[d->bit / 8 % area.size] ^= (uint8_t)(1 << d->bit % 8);
        d->strike_at = 0;
    }
    return st ? st : judge(d, state, view, &found, out);
}

static enum status end(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out)
{
    struct direct *d = user;
    struct protection_finding found = {0};
    const enum status st = d->protection->audit(d->self, state, view, true, &found);
    return st ? st : judge(d, state, view, &found, out);
}

/* Wherever the shadow, its sums or its CRCs are damaged, the run keeps its bits, and no alarm comes
 * of it. */
static void test_shadow(void **state)
{
    struct protect_bench b;
    struct generation run;
    struct rng rng;
    uint32_t flips = 0;
    (void)state;
    rng_init(&rng, 5, 5);
    open_bench(&b, "tiny-llama-q4_1.gguf", STORAGE_F16, NULL);
    protect_bench_protect(&b, POLICY("8", "2"), NULL);
    struct direct d = {.protection = protections_find("kv_checkpoint")};
    struct protection_needs needs = {0};
    d.self = calloc(1, d.protection->self);
    assert_non_null(d.self);
    assert_int_equal(d.protection->open(d.self, &b.trial.arena, b.policy.entry[0].params,
                                        &(struct protection_setup){.ex = b.trial.ex}, &needs),
                     STATUS_OK);
    const struct decode_check check = {.ask = ask,
                                       .look = look,
                                       .end = end,
                                       .user = &d,
                                       .state = needs.state,
                                       .most_guards = needs.guards,
                                       .most_back = 1000};
    struct generate_params params = b.trial.golden.params;
    params.rules.check = &check;
    params.checkpoints = false;
    params.save_position = EXECUTOR_NONE;
    for (uint32_t i = 0; i < 60; i++, flips++) {
        d.strike_at = TRIAL_BENCH_PROMPT_COUNT + 3 + i % 4;
        d.bit = rng_u32(&rng) % (uint32_t)(8 * check.state);
        d.alarms = 0;
        assert_int_equal(generate(&run, &b.trial.arena, &params), STATUS_OK);
        assert_int_equal(run.hash, b.trial.golden.run.hash);
        assert_int_equal(d.alarms, 0);
        kv_release(b.trial.ex->kv, run.branch);
    }
    free(d.self);
    protect_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_clean),
                                       cmocka_unit_test(test_vulkan),
                                       cmocka_unit_test(test_shadow)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

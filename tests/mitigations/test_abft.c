/* SPDX-License-Identifier: MIT */
/* Check sums of linear ops guard runs: clean runs raise no alarm and keep their bits, transient
 * faults are corrected to golden's bits, those that are missed change few texts, and what is not
 * covered stays as it is; on the CPU and on Vulkan. */
#include "base/rng.h"
#include "model/op.h"
#include "protect_bench.h"

#define ABFT "{'protect': [{'kind': 'abft'}]}"

enum { FAULTS = 60 };

static void expect_clean(struct protect_bench *b, const char *what)
{
    struct fault fault =
        trial_bench_fault(&b->trial, "blk.0.ffn_down", TRIAL_BENCH_PROMPT_COUNT, 1);
    fault.kind = KIND_DRY;
    const struct record *record = protect_bench_strike(b, &fault, true);
    if (record->protection.damage != DECODE_CLEAN || record->hash != b->trial.golden.run.hash)
        fail_msg("%s: clean: found %u alarms", what, record->protection.alarms);
    assert_int_equal(record->redone, 0);
}

/* A bit of one evaluation of a linear op at a column that gives a token. */
static struct fault draw(const struct protect_bench *b, struct rng *rng)
{
    static const uint32_t points[] = {HOOK_OUT, HOOK_PARTIAL, HOOK_ACCUMULATOR, HOOK_OPERAND,
                                      HOOK_WEIGHT};
    const struct graph *graph = &b->trial.model->graph;
    for (;;) {
        const struct node *node = &graph->node[rng_below(rng, graph->count)];
        struct fault fault = {
            .kind = KIND_FLIP, .duration = DURATION_TRANSIENT, .position_count = 1};
        struct op_point at;
        if (node->op != OP_LINEAR || !fault_find(&fault, b->trial.model, node->site))
            continue;
        fault.point = points[rng_below(rng, 5)];
        assert_true(op_point(&at, node, fault.point));
        fault.position = TRIAL_BENCH_PROMPT_COUNT - 1 + (uint32_t)rng_below(rng, b->trial.params.n);
        fault.row = at.shared ? 0 : (uint32_t)rng_below(rng, node->rows);
        fault.k = at.ks ? (uint32_t)rng_below(rng, at.ks) : 0;
        fault.mask =
            1u << rng_below(rng, fault.point == HOOK_WEIGHT
                                     ? quant_field_width(node->weight->type, QUANT_FIELD_CODE)
                                     : 32);
        if (fault_check(&fault, &b->trial.bounds, node->site) == STATUS_OK)
            return fault;
    }
}

/* What became of the faults of a bench. */
struct tally {
    uint32_t corrected, missed, critical; /* missed: other bits; critical: and another text */
};

static void strike(struct protect_bench *b, struct rng *rng, struct tally *tally)
{
    const struct fault fault = draw(b, rng);
    const uint64_t golden = b->trial.golden.run.hash;
    const uint64_t plain = protect_bench_strike(b, &fault, false)->hash;
    const struct record *record = protect_bench_strike(b, &fault, true);

    if (record->protection.damage == DECODE_CORRECTED) {
        if (record->hash != golden)
            fail_msg("point %u, mask %08x: corrected to other bits", fault.point, fault.mask);
        assert_true(record->redone >= 1);
        tally->corrected++;
    } else {
        assert_int_equal(record->protection.damage, DECODE_CLEAN);
        assert_int_equal(record->hash, plain);
        tally->missed += record->hash != golden;
        tally->critical += record->outcome > OUTCOME_MASKED_TOKENS;
    }
}

static void run_faults(struct protect_bench *b, const char *what, uint32_t n)
{
    struct tally tally = {0};
    struct rng rng;

    rng_init(&rng, 61, b->trial.params.act);
    expect_clean(b, what);
    for (uint32_t i = 0; i < n; i++)
        strike(b, &rng, &tally);
    printf("%s: of %u: %u corrected, %u missed with other bits, %u with another text\n", what, n,
           tally.corrected, tally.missed, tally.critical);
    assert_true(tally.corrected > 0 && tally.critical <= tally.corrected);
}

static void test_cpu(void **state)
{
    static const char *const files[] = {
        "tiny-llama-bf16.gguf", "tiny-llama-f16.gguf",  "tiny-llama-q4_0.gguf",
        "tiny-llama-q4_1.gguf", "tiny-llama-q4_k.gguf", "tiny-llama-q5_0.gguf",
        "tiny-llama-q5_1.gguf", "tiny-llama-q5_k.gguf", "tiny-llama-q6_k.gguf",
        "tiny-llama-q8_0.gguf", "tiny-qwen2.gguf",      "tiny-gemma3.gguf"};
    struct trial_bench_params params = {.n = 12, .level = RECORD_SUMMARY};
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct protect_bench b = {0};
        params.file = files[i];
        params.act = (enum storage)(i % 3);
        params.kv = (enum storage)((i + 1) % 3);
        trial_bench_open(&b.trial, &params);
        protect_bench_protect(&b, ABFT, NULL);
        run_faults(&b, files[i], i % 4 == 3 ? FAULTS : FAULTS / 3);
        protect_bench_close(&b);
    }
}

static void test_vulkan(void **state)
{
    const struct trial_bench_params params = {
        .file = "tiny-llama-q4_1.gguf", .n = 12, .level = RECORD_SUMMARY};
    struct protect_bench b = {0};
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    trial_bench_open_on(&b.trial, &params, gpu);
    protect_bench_protect(&b, ABFT, NULL);
    run_faults(&b, "vk", FAULTS / 6);
    protect_bench_close(&b);
    gpu_close(&gpu);
}

static const struct trial_bench_params LLAMA = {
    .file = "tiny-llama-q4_1.gguf", .n = 12, .level = RECORD_SUMMARY};

/* What no check sum sees: values that are wrong before the op reads them, for all its rows, and
 * entries of K and V. */
static void test_not_covered(void **state)
{
    static const char *const sites[] = {"blk.0.attn_norm", "blk.0.ffn_act", "blk.0.kv_k"};
    struct protect_bench b = {0};
    uint32_t changed = 0;
    (void)state;
    trial_bench_open(&b.trial, &LLAMA);
    protect_bench_protect(&b, ABFT, NULL);
    for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
        const struct fault fault =
            trial_bench_fault(&b.trial, sites[i], TRIAL_BENCH_PROMPT_COUNT + 2, 1u << 29);
        const struct record *record = protect_bench_strike(&b, &fault, true);
        assert_int_equal(record->protection.damage, DECODE_CLEAN);
        changed += record->hash != b.trial.golden.run.hash;
    }
    assert_int_equal(changed, sizeof(sites) / sizeof(*sites));
    protect_bench_close(&b);
}

/* Only the sites of the policy are checked, and a factor lets more faults through. */
static void test_parameters(void **state)
{
    static const char *const policies[] = {
        "{'protect': [{'kind': 'abft', 'sites': ['blk.*.attn_*']}]}",
        "{'protect': [{'kind': 'abft', 'factor': 1e6}]}", ABFT};
    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
        struct protect_bench b = {0};
        trial_bench_open(&b.trial, &LLAMA);
        protect_bench_protect(&b, policies[i], NULL);
        const struct fault fault =
            trial_bench_fault(&b.trial, "blk.0.ffn_down", TRIAL_BENCH_PROMPT_COUNT + 2, 1u << 25);
        const struct record *record = protect_bench_strike(&b, &fault, true);
        assert_int_equal(record->protection.damage, i == 2 ? DECODE_CORRECTED : DECODE_CLEAN);
        assert_int_equal(record->hash == b.trial.golden.run.hash, i == 2);
        protect_bench_close(&b);
    }
}

/* A weight that is wrong in memory alarms at each column that reads it, and is written anew from
 * the file. */
static void test_stored_weight(void **state)
{
    struct trial_bench_params params = LLAMA;
    struct protect_bench b = {0};
    (void)state;
    params.file = "tiny-llama-f16.gguf";
    trial_bench_open(&b.trial, &params);
    protect_bench_protect(&b, ABFT, NULL);
    const struct fault fault = trial_bench_fault(&b.trial, "blk.0.ffn_down.weight",
                                                 TRIAL_BENCH_PROMPT_COUNT + 2, 1u << 14);
    const struct record *record = protect_bench_strike(&b, &fault, true);
    assert_int_equal(record->protection.damage, DECODE_CORRECTED);
    assert_int_equal(record->protection.first, TRIAL_BENCH_PROMPT_COUNT + 2);
    assert_int_equal(record->hash, b.trial.golden.run.hash);
    expect_clean(&b, "after a repair");
    protect_bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_vulkan),
                                       cmocka_unit_test(test_not_covered),
                                       cmocka_unit_test(test_parameters),
                                       cmocka_unit_test(test_stored_weight)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

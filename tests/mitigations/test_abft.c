/* SPDX-License-Identifier: MIT */
/* Check sums of linear ops guard runs: clean runs raise no alarm and keep their bits, transient
 * faults are corrected to golden's bits, those that are missed change few texts, and what is not
 * covered stays as it is; on the CPU and on Vulkan. */
#include "base/rng.h"
#include "mitigations/recovery.h"
#include "model/executor_abft.h"
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
        "tiny-llama-bf16.gguf",   "tiny-llama-f16.gguf",   "tiny-llama-q4_0.gguf",
        "tiny-llama-q4_1.gguf",   "tiny-llama-q4_k.gguf",  "tiny-llama-q5_0.gguf",
        "tiny-llama-q5_1.gguf",   "tiny-llama-q5_k.gguf",  "tiny-llama-q6_k.gguf",
        "tiny-llama-q2_k.gguf",   "tiny-llama-q3_k.gguf",  "tiny-llama-iq4_nl.gguf",
        "tiny-llama-iq4_xs.gguf", "tiny-llama-mxfp4.gguf", "tiny-llama-q8_0.gguf",
        "tiny-qwen2.gguf",        "tiny-gemma3.gguf",      "tiny-gemma2.gguf",
        "tiny-falcon-gqa.gguf",   "tiny-phi3.gguf",        "tiny-olmo2.gguf"};
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

    /* stuck: written anew in vain, so its column alone comes again, as often as any alarm's */
    struct fault stuck = fault;
    stuck.kind = KIND_STUCK_AT_1;
    record = protect_bench_strike(&b, &stuck, true);
    assert_int_equal(record->protection.damage, DECODE_UNCORRECTED);
    assert_int_equal(record->redone, RECOVERY_TRIES);
    protect_bench_close(&b);
}

/* Bits of two weights of different ops, wrong in memory from the same column on: whichever alarms
 * first, and whether the other's damage is below its bound there, both are written anew. */
static void test_two_weights(void **state)
{
    static const char *const sites[] = {"blk.0.attn_q.weight",   "blk.0.attn_k.weight",
                                        "blk.0.attn_v.weight",   "blk.0.attn_output.weight",
                                        "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
                                        "blk.0.ffn_down.weight", "output.weight"};
    enum { SITES = sizeof(sites) / sizeof(*sites), PAIRS = 150 };
    struct trial_bench_params params = LLAMA;
    struct protect_bench b = {0};
    struct rng rng;
    uint32_t found = 0;
    (void)state;
    params.file = "tiny-llama-f16.gguf";
    rng_init(&rng, 12, 0);
    trial_bench_open(&b.trial, &params);
    protect_bench_protect(&b, ABFT, NULL);
    for (uint32_t i = 0; i < PAIRS; i++) {
        const uint32_t one = (uint32_t)rng_below(&rng, SITES);
        const uint32_t two = (one + 1 + (uint32_t)rng_below(&rng, SITES - 1)) % SITES;
        const uint32_t at = TRIAL_BENCH_PROMPT_COUNT - 1 + (uint32_t)rng_below(&rng, 6);
        const struct trial_settings settings = {.level = RECORD_SUMMARY, .decode = &b.decode};
        struct fault fault[2] = {
            trial_bench_fault(&b.trial, sites[one], at, 1u << (5 + rng_below(&rng, 10))),
            trial_bench_fault(&b.trial, sites[two], at, 1u << (5 + rng_below(&rng, 10)))};
        const struct trial_job job = {.fault = fault, .n_faults = 2};
        const struct record *record = trial_bench_run(&b.trial, &settings, &job, 1);
        if (record->protection.alarms > 0) {
            assert_int_equal(record->protection.damage, DECODE_CORRECTED);
            assert_int_equal(record->hash, b.trial.golden.run.hash);
        }
        found += record->protection.alarms > 0;
    }
    assert_true(found > PAIRS * 9 / 10);
    protect_bench_close(&b);
}

/* --- check sums themselves --- */

static uint32_t linear(const struct protect_bench *b, struct rng *rng)
{
    const struct graph *graph = &b->trial.model->graph;
    uint32_t node;
    do
        node = (uint32_t)rng_below(rng, graph->count);
    while (!guard_abft_checks(&graph->node[node]));
    return node;
}

static struct decode_summary run_again(struct protect_bench *b, bool *out_golden)
{
    struct generation run;
    const struct decode_summary sum = protect_bench_again(b, &run);
    *out_golden = run.hash == b->trial.golden.run.hash;
    return sum;
}

/* The words of all tables: (*out_n), of the arena. */
static uint32_t *all_sums(struct protect_bench *b, uint32_t *out_n)
{
    const struct graph *graph = &b->trial.model->graph;
    uint32_t *words = NULL;
    for (int pass = 0; pass < 2; pass++) {
        *out_n = 0;
        for (uint32_t i = 0; i < graph->count; i++) {
            if (!guard_abft_checks(&graph->node[i]))
                continue;
            const struct abft_span span = {i, 0, (uint32_t)guard_abft_words(&b->trial.ex->abft[i])};
            if (words)
                assert_int_equal(executor_abft_read(b->trial.ex, &span, words + *out_n), STATUS_OK);
            *out_n += span.n;
        }
        words = words ? words : arena_array(&b->trial.arena, *out_n, sizeof(*words));
        assert_non_null(words);
    }
    return words;
}

/* A bit of a stored weight. */
struct damage {
    struct weight_site site;
    uint32_t mask;
};

static struct damage draw_damage(const struct protect_bench *b, struct rng *rng)
{
    const struct tensor *t = b->trial.model->graph.node[linear(b, rng)].weight;
    const uint32_t width = quant_field_width(t->type, QUANT_FIELD_CODE);
    return (struct damage){.site = {.tensor = t,
                                    .row = rng_below(rng, t->dim[1]),
                                    .k = (uint32_t)rng_below(rng, t->dim[0]),
                                    .field = QUANT_FIELD_CODE},
                           .mask = 1u << (width - 1 - rng_below(rng, (width + 1) / 2))};
}

/* Flips the bit: a second time it is right again. */
static void flip(struct protect_bench *b, const struct damage *damage)
{
    struct hook_data data = {.kind = KIND_FLIP, .mask = damage->mask};
    assert_int_equal(executor_edit_weight(b->trial.ex, &damage->site, &data), STATUS_OK);
    assert_int_equal(data.count, 1);
}

/* Weights are damaged before the policy is opened: its sums are those of the file all the same.
 * Each damage alone that is beyond the bound is found and written over. */
static void damage_first(const char *file, struct gpu *gpu, uint64_t seed)
{
    enum { MANY = 40, ALONE = 8 };
    struct trial_bench_params params = LLAMA;
    struct protect_bench clean = {0}, b = {0};
    struct damage damage[MANY];
    uint32_t n, found, alarms = 0;
    struct rng rng;
    bool golden;
    params.file = file;
    rng_init(&rng, seed, 77);
    trial_bench_open_on(&clean.trial, &params, gpu);
    protect_bench_protect(&clean, ABFT, NULL);
    const uint32_t *expected = all_sums(&clean, &n);
    trial_bench_open_on(&b.trial, &params, gpu);
    for (uint32_t i = 0; i < MANY; i++) {
        damage[i] = draw_damage(&b, &rng);
        flip(&b, &damage[i]);
    }
    protect_bench_protect(&b, ABFT, NULL);
    const uint32_t *sums = all_sums(&b, &found);
    assert_int_equal(found, n);
    if (memcmp(sums, expected, n * sizeof(*sums)) != 0)
        fail_msg("%s: check sums depend on faults that struck before they were made", file);
    for (uint32_t i = MANY; i-- > ALONE;)
        flip(&b, &damage[i]);
    for (uint32_t i = ALONE; i-- > 0;) {
        for (uint32_t k = 0; k < i; k++)
            flip(&b, &damage[k]); /* all but this one */
        const struct decode_summary sum = run_again(&b, &golden);
        if (sum.damage != DECODE_CLEAN && !(sum.damage == DECODE_CORRECTED && golden))
            fail_msg("%s: a damaged weight: found damage %d after %u alarms", file, (int)sum.damage,
                     sum.alarms);
        alarms += sum.damage == DECODE_CORRECTED;
        for (uint32_t k = 0; k < i; k++)
            flip(&b, &damage[k]);
        if (sum.damage == DECODE_CLEAN)
            flip(&b, &damage[i]);
    }
    printf("%s: %u of %u damaged weights found\n", file, alarms, (unsigned)ALONE);
    assert_true(alarms > 0);
    protect_bench_close(&b);
    protect_bench_close(&clean);
}

/* A flipped bit of a check sum, at every place of a table: the run keeps golden's bits, and an
 * alarm that it raises ends with the sums of the file. */
static void damage_sums(struct protect_bench *b, uint64_t seed, uint32_t rounds)
{
    uint32_t n, corrected = 0;
    struct rng rng;
    rng_init(&rng, seed, 78);
    const uint32_t *expected = all_sums(b, &n);
    for (uint32_t i = 0; i < rounds; i++) {
        const uint32_t node = linear(b, &rng);
        const uint32_t words = (uint32_t)guard_abft_words(&b->trial.ex->abft[node]);
        const struct abft_span span = {node, (uint32_t)rng_below(&rng, i % 2 ? words : 16), 1};
        uint32_t before, word;
        bool damaged, golden;
        assert_int_equal(executor_abft_read(b->trial.ex, &span, &before), STATUS_OK);
        word = before ^ 1u << (i % 3 ? 20 + rng_below(&rng, 12) : rng_below(&rng, 32));
        assert_int_equal(executor_abft_write(b->trial.ex, &span, &word), STATUS_OK);
        const struct decode_summary sum = run_again(b, &golden);
        assert_true(golden && (sum.damage == DECODE_CLEAN || sum.damage == DECODE_CORRECTED));
        if (sum.damage == DECODE_CLEAN)
            assert_int_equal(executor_abft_restore(b->trial.ex, node, &damaged), STATUS_OK);
        const uint32_t *found = all_sums(b, &n);
        assert_memory_equal(found, expected, n * sizeof(*found));
        assert_true(sum.damage == DECODE_CORRECTED || damaged);
        corrected += sum.damage == DECODE_CORRECTED;
    }
    printf("%u of %u flips of check sums raised an alarm and were corrected\n", corrected, rounds);
    assert_true(corrected > 0);
}

static void test_own_sums(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(PROTECT_BENCH_FILES) / sizeof(*PROTECT_BENCH_FILES); i++)
        damage_first(PROTECT_BENCH_FILES[i], NULL, i);
    struct protect_bench b = {0};
    trial_bench_open(&b.trial, &LLAMA);
    protect_bench_protect(&b, ABFT, NULL);
    damage_sums(&b, 1, 60);
    expect_clean(&b, "after repairs");
    protect_bench_close(&b);
}

static void test_own_sums_vulkan(void **state)
{
    struct protect_bench b = {0};
    struct gpu *gpu = NULL;
    (void)state;
    trial_bench_gpu(&gpu);
    damage_first("tiny-llama-f16.gguf", gpu, 20);
    damage_first("tiny-qwen2.gguf", gpu, 21);
    trial_bench_open_on(&b.trial, &LLAMA, gpu);
    protect_bench_protect(&b, ABFT, NULL);
    damage_sums(&b, 2, 12);
    protect_bench_close(&b);
    gpu_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu),           cmocka_unit_test(test_vulkan),
        cmocka_unit_test(test_not_covered),   cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_stored_weight), cmocka_unit_test(test_two_weights),
        cmocka_unit_test(test_own_sums),      cmocka_unit_test(test_own_sums_vulkan)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

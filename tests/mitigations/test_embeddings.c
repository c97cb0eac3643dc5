/* SPDX-License-Identifier: MIT */
/* Embeddings that columns look up: their sums are those of the file, on every device; damage of
 * them, stored, read or in the result, and another token, is found and corrected; clean runs raise
 * no alarm. */
#include "base/rng.h"
#include "model/embedding.h"
#include "protect_bench.h"

enum { TOKENS = 6, P = TRIAL_BENCH_PROMPT_COUNT, FAULTS = 24, ROWS = 16 };

#define FILTER "{'protect': [{'kind': 'token_filter'}]}"
#define OFF "{'protect': [{'kind': 'token_filter', 'embeddings': 'off'}]}"

static const struct trial_bench_params PARAMS = {
    .file = "tiny-llama-q4_1.gguf", .n = TOKENS, .level = RECORD_SUMMARY};

static void protect(struct protect_bench *b, struct calibration *calibration, const char *policy)
{
    protect_bench_wide(calibration, &b->trial);
    protect_bench_protect(b, policy, calibration);
}

/* What guards say of some rows, the first and the last one among them. */
static void check_rows(struct protect_bench *b)
{
    struct executor *ex = b->trial.ex;
    const uint32_t n_vocab = ex->model->hp.n_vocab, layers = ex->model->hp.n_layers;
    struct column column[ROWS];
    struct column_result result[ROWS];
    struct guard guard[ROWS];
    struct rng rng;
    uint32_t branch;
    rng_init(&rng, 3, n_vocab);
    assert_int_equal(kv_branch(ex->kv, &branch), STATUS_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        const uint32_t token = i == 0   ? 0
                               : i == 1 ? n_vocab - 1
                                        : (uint32_t)rng_below(&rng, n_vocab);
        column[i] = (struct column){.branch = branch,
                                    .position = i,
                                    .token = (int32_t)token,
                                    .checkpoint = EXECUTOR_NONE,
                                    .end_layer = layers,
                                    .save = EXECUTOR_NONE};
        guard[i] = (struct guard){.node = embedding_node(ex), .column = i, .kind = GUARD_STORED};
    }
    const struct pass pass = {
        .columns = column, .n_columns = ROWS, .guards = guard, .n_guards = ROWS};
    assert_int_equal(executor_pass(ex, &pass, result), STATUS_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t sums[2];
        assert_int_equal(embedding_sums(ex, (uint32_t)column[i].token, sums), STATUS_OK);
        if (sums[0] != guard[i].verdict[0] || sums[1] != guard[i].verdict[1])
            fail_msg("%s, token %d: sums %08x %08x, the file's are %08x %08x", b->trial.params.file,
                     column[i].token, guard[i].verdict[0], guard[i].verdict[1], sums[0], sums[1]);
        assert_int_equal(guard[i].verdict[2] | guard[i].verdict[3], 0);
    }
    kv_release(ex->kv, branch);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROTECT_BENCH_CASES; i++) {
        const struct trial_bench_params params = protect_bench_case(i);
        struct calibration calibration;
        struct protect_bench b = {0};
        trial_bench_open(&b.trial, &params);
        check_rows(&b);
        protect(&b, &calibration, FILTER);
        protect_bench_expect_clean(&b, params.file);
        protect_bench_close(&b);
    }
}

/* The token that the column at a position is fed. */
static uint32_t fed_at(const struct trial_bench *b, uint32_t position)
{
    return (uint32_t)(position < P ? TRIAL_BENCH_PROMPT[position]
                                   : b->golden.run.tokens[position - P]);
}

enum where { STORED, READ, RESULT, OTHER_TOKEN, PLACES };

static struct fault draw(const struct trial_bench *b, enum where place, struct rng *rng)
{
    const struct node *node = &b->model->graph.node[embedding_node(b->ex)];
    const uint32_t width = quant_field_width(node->weight->type, QUANT_FIELD_CODE);
    struct fault fault = {.kind = KIND_FLIP, .duration = DURATION_TRANSIENT, .position_count = 1};
    const char *site = place == STORED        ? node->weight->name
                       : place == OTHER_TOKEN ? "control.token"
                                              : node->site;
    assert_true(fault_find(&fault, b->model, site));
    fault.position = (uint32_t)rng_below(rng, P + TOKENS - 1);
    fault.point = place == READ ? HOOK_WEIGHT : place == RESULT ? HOOK_OUT : HOOK_MEM;
    fault.row = (uint32_t)rng_below(rng, node->rows);
    /* of a result, bits that rounding to any type leaves */
    fault.mask = 1u << (place == RESULT ? 16 + rng_below(rng, 16) : rng_below(rng, width));
    if (place == STORED) {
        fault.k = fault.row;
        fault.row = fed_at(b, fault.position);
        fault.duration = DURATION_PERSISTENT;
        fault.position_count = FAULT_FOREVER;
    }
    if (place == OTHER_TOKEN) {
        fault.row = 0;
        fault.kind = KIND_SET;
        fault.value = (fed_at(b, fault.position) + 1) % b->model->hp.n_vocab;
    }
    assert_int_equal(fault_check(&fault, &b->bounds, site), STATUS_OK);
    return fault;
}

static bool is_golden(const struct protect_bench *b, const struct record *record)
{
    return record->hash == b->trial.golden.run.hash;
}

/* Each place with faults that change bits: all are found, and golden's bits come again. */
static void check_faults(struct protect_bench *b)
{
    struct calibration calibration;
    struct rng rng;
    uint32_t changed[PLACES] = {0}, lost = 0;
    check_rows(b);
    protect(b, &calibration, FILTER);
    protect_bench_expect_clean(b, b->trial.params.file);
    rng_init(&rng, 9, 0);
    for (uint32_t i = 0; i < FAULTS; i++) {
        const enum where place = (enum where)(i % PLACES);
        const struct fault fault = draw(&b->trial, place, &rng);
        lost += !is_golden(b, protect_bench_strike(b, &fault, false));
        const struct record *record = protect_bench_strike(b, &fault, true);
        assert_true(is_golden(b, record));
        if (record->before == record->after && place != OTHER_TOKEN)
            continue; /* of equal worth, as -0 of 0 */
        changed[place]++;
        if (record->protection.damage != DECODE_CORRECTED)
            fail_msg("%s, place %d, position %u: %08x became %08x, damage %d", b->trial.params.file,
                     (int)place, fault.position, record->before, record->after,
                     (int)record->protection.damage);
    }
    for (int place = 0; place < PLACES; place++)
        assert_true(changed[place] > 0);
    assert_true(lost > FAULTS / 3);
}

/* What stays is said; what is not looked for is not found, and other ops are none of it. */
static void check_limits(struct protect_bench *b)
{
    struct calibration calibration;
    protect(b, &calibration, FILTER);
    struct fault fault = trial_bench_fault(&b->trial, "token_embd", P - 2, 0x2000);
    const struct fault other = trial_bench_fault(&b->trial, "blk.0.ffn_down", P - 2, 0x2000);
    fault.duration = DURATION_PERMANENT;
    fault.position_count = FAULT_FOREVER;
    assert_int_equal(protect_bench_strike(b, &fault, true)->protection.damage, DECODE_UNCORRECTED);
    assert_int_equal(protect_bench_strike(b, &other, true)->protection.alarms, 0);
    protector_close(&b->protector);
    protect(b, &calibration, OFF);
    assert_int_equal(protect_bench_strike(b, &fault, true)->protection.alarms, 0);
}

static void test_faults(void **state)
{
    (void)state;
    protect_bench_cpu(&PARAMS, check_faults);
}

static void test_faults_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&PARAMS, check_faults);
}

static void test_limits(void **state)
{
    (void)state;
    protect_bench_cpu(&PARAMS, check_limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_faults_vulkan),
                                       cmocka_unit_test(test_limits)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

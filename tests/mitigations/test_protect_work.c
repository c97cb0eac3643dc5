/* SPDX-License-Identifier: MIT */
/* Work is counted as it is done: what executors record of a run is what the table of ops says, and
 * what a policy adds to a token is what its protections say; on every device. */
#include "model/generate.h"
#include "model/op.h"
#include "protect_bench.h"

enum { TOKENS = 9, P = TRIAL_BENCH_PROMPT_COUNT, COLUMNS = P + TOKENS - 1 };

static const struct trial_bench_params PARAMS = {
    .file = "tiny-llama-q4_1.gguf", .n = TOKENS, .level = RECORD_SUMMARY};

/* Counts after the first token, the last one, and what is done at the end. */
struct count {
    const struct executor *ex;
    struct executor_info start, middle, last, end;
};

static void on_token(void *user, int32_t token, uint32_t done)
{
    struct count *c = user;
    if (token < 0 || done == 1)
        executor_info(c->ex, &c->middle);
    executor_info(c->ex, &c->last);
}

static struct count count_run(struct protect_bench *b, const struct decode_rules *rules)
{
    struct count count = {.ex = b->trial.ex};
    struct generate_params params = b->trial.golden.params;
    struct generation run;
    params.rules = *rules;
    params.checkpoints = false;
    params.save_position = EXECUTOR_NONE;
    params.progress = on_token;
    params.progress_user = &count;
    executor_info(b->trial.ex, &count.start);
    assert_int_equal(generate(&run, &b->trial.arena, &params), STATUS_OK);
    executor_info(b->trial.ex, &count.end);
    assert_int_equal(run.redone, 0);
    assert_true(run.hash == b->trial.golden.run.hash);
    kv_release(b->trial.ex->kv, run.branch);
    return count;
}

/* A column with outputs, or one that stops after its last store. */
static uint64_t macs_of(const struct model *model, uint32_t position, bool outputs)
{
    const struct graph *graph = &model->graph;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        sum += op_macs(node, op_seen(position, node->window));
        if (node->op == OP_STORE && node->layer + 1 == model->hp.n_layers && !outputs)
            break;
    }
    return sum;
}

/* Operands and results of one op for one column, and what all columns share. */
static uint64_t bytes_of(const struct trial_bench *b, const struct node *node, uint32_t seen)
{
    const struct hparams *hp = &b->model->hp;
    const uint64_t kv = (uint64_t)hp->n_head_kv * hp->head_dim * storage_bits(b->params.kv) / 8;
    const uint64_t rows = node->rows, scores = (uint64_t)hp->n_head * seen;
    switch (node->op) {
    case OP_EMBED:
        return 4 * rows + node->weight->size / hp->n_vocab;
    case OP_NORM:
        return 2 * 4 * rows + node->weight->size;
    case OP_LINEAR:
        return 4 * (rows + node->width) + node->weight->size + (node->bias ? 4 * rows : 0);
    case OP_ROPE:
        return 2 * 4 * rows + 4 * (uint64_t)hp->rope_dim;
    case OP_STORE:
        return 2 * 4 * rows + 2 * kv;
    case OP_SCORES:
        return 4 * ((uint64_t)hp->n_head * hp->head_dim + scores) + seen * kv;
    case OP_SOFTMAX:
        return 2 * 4 * scores;
    case OP_HEADS:
        return 4 * (scores + rows) + seen * kv;
    default: /* GATE, ADD: two operands */
        return 3 * 4 * rows;
    }
}

static void check_ops(struct protect_bench *b)
{
    const struct graph *graph = &b->trial.model->graph;
    struct decode_rules rules = b->trial.golden.decode.rules;
    uint64_t prompt = 0, decode = 0, bytes = 0;
    const struct count c = count_run(b, &rules);
    for (uint32_t i = 0; i < P; i++)
        prompt += macs_of(b->trial.model, i, i + 1 == P);
    for (uint32_t i = P; i < P + TOKENS - 1; i++) {
        decode += macs_of(b->trial.model, i, true);
        for (uint32_t k = 0; k < graph->count; k++)
            bytes += bytes_of(&b->trial, &graph->node[k], op_seen(i, graph->node[k].window));
    }
    assert_true(c.middle.macs - c.start.macs == prompt);
    assert_true(c.end.macs - c.middle.macs == decode);
    assert_true(c.end.bytes - c.middle.bytes == bytes);
    assert_true(c.end.dispatches > c.middle.dispatches);
}

static void test_ops(void **state)
{
    (void)state;
    protect_bench_cpu(&PARAMS, check_ops);
}

static void test_ops_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&PARAMS, check_ops);
}

#define ONE(kind, more) "{'protect': [{'kind': '" kind "'" more "}]}"
static const char *const POLICIES[] = {
    ONE("nan_trap", ""),
    ONE("abft", ""),
    ONE("redundancy", ""),
    ONE("redundancy", ", 'variant': 'rotate', 'sites': ['*ffn*', 'output', '*attn_s*']"),
    ONE("range_guard", ""),
    ONE("token_filter", ""),
    ONE("token_filter", ", 'embeddings': 'off'"),
    ONE("adaptive", ", 'mode': 'periodic', 'budget': 0.001"),
    ONE("kv_checkpoint", ", 'every': 1"),
    ONE("kv_checkpoint", ", 'every': 1, 'bits': 0"),
    "{'protect': [{'kind': 'abft'}, {'kind': 'range_guard'}, {'kind': 'kv_checkpoint', 'every': 1},"
    " {'kind': 'token_filter'}]}"};

/* What a policy's protections say of a column; `columns` 0: without the end of the run. */
static double said_of(const struct protect_bench *b, uint32_t position, uint32_t columns)
{
    const struct protection_column column = {b->trial.model, b->trial.params.kv, position + 1,
                                             columns};
    double sum = 0;
    for (uint32_t i = 0; i < b->policy.n; i++) {
        const struct policy_entry *entry = &b->policy.entry[i];
        sum += entry->protection->work ? entry->protection->work(entry->params, &column) : 0;
    }
    return sum;
}

/* The guards' own multiply-adds of a prompt, whose columns but the last stop after their last
 * store: fewer than those of decoding columns, since no guard makes a column go on. */
static void expect_prompt(const struct protect_bench *b, double done, const char *policy)
{
    double most = 0;
    for (uint32_t position = 0; position < P; position++)
        most += said_of(b, position, 0);
    if (done > most)
        fail_msg("%s: %.0f multiply-adds of the prompt, at most %.0f are said", policy, done, most);
}

/* What decoding, and the end of a run, cost more under a policy, against what it says. */
static void check_policies(struct protect_bench *b)
{
    struct calibration calibration;
    const struct decode_rules plain = b->trial.golden.decode.rules;
    const struct count without = count_run(b, &plain);
    protect_bench_wide(&calibration, &b->trial);
    for (size_t i = 0; i < sizeof(POLICIES) / sizeof(*POLICIES); i++) {
        double said = 0;
        protect_bench_protect(b, POLICIES[i], &calibration);
        const struct count with = count_run(b, &b->decode.rules);
        const double end = (double)(with.end.macs - with.last.macs);
        const double done = (double)(with.last.macs - with.middle.macs) -
                            (double)(without.last.macs - without.middle.macs);
        for (uint32_t position = P; position < COLUMNS; position++)
            said += said_of(b, position, 0);
        const double at_end = (said_of(b, P, COLUMNS) - said_of(b, P, 0)) * COLUMNS;
        if (done != said || end != at_end)
            fail_msg("%s: %.0f and %.0f multiply-adds, said to be %.0f and %.0f", POLICIES[i], done,
                     end, said, at_end);
        expect_prompt(b,
                      (double)(with.middle.macs - with.start.macs) -
                          (double)(without.middle.macs - without.start.macs),
                      POLICIES[i]);
        assert_true(with.end.bytes - with.middle.bytes >= without.end.bytes - without.middle.bytes);
        protector_close(&b->protector);
    }
}

static void test_policies(void **state)
{
    struct protect_bench b = {0};
    (void)state;
    for (int f16 = 0; f16 < 2; f16++) {
        struct trial_bench_params params = PARAMS;
        params.kv = f16 ? STORAGE_F16 : STORAGE_F32;
        trial_bench_open(&b.trial, &params);
        check_policies(&b);
        protect_bench_close(&b);
    }
}

static void test_policies_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&PARAMS, check_policies);
}

/* Pages that an audit reads: each at the end, and as many as it says at each token. */
static void check_audit(struct protect_bench *b)
{
    const struct decode_rules plain = b->trial.golden.decode.rules;
    const struct count without = count_run(b, &plain);
    const struct weight_pages *pages = &b->trial.ex->weights;
    uint64_t all = 0;
    for (uint32_t i = 0; i < pages->n; i++)
        all += pages->region[i].bytes;
    protect_bench_protect(b, ONE("weight_audit", ", 'mode': 'end'"), NULL);
    const struct count end = count_run(b, &b->decode.rules);
    protector_close(&b->protector);
    protect_bench_protect(b, ONE("weight_audit", ", 'mode': 'rolling', 'pages': 1048576"), NULL);
    const struct count rolling = count_run(b, &b->decode.rules);
    assert_true(end.end.bytes - end.start.bytes - (without.end.bytes - without.start.bytes) == all);
    assert_true(end.middle.macs - end.start.macs == without.middle.macs - without.start.macs);
    assert_true(rolling.end.bytes - rolling.start.bytes -
                    (without.end.bytes - without.start.bytes) ==
                TOKENS * all);
    assert_true(rolling.end.macs - rolling.start.macs >=
                without.end.macs - without.start.macs + 2 * TOKENS * all / 4);
}

static void test_audit(void **state)
{
    (void)state;
    protect_bench_cpu(&PARAMS, check_audit);
}

static void test_audit_vulkan(void **state)
{
    (void)state;
    protect_bench_vulkan(&PARAMS, check_audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ops),      cmocka_unit_test(test_ops_vulkan),
        cmocka_unit_test(test_policies), cmocka_unit_test(test_policies_vulkan),
        cmocka_unit_test(test_audit),    cmocka_unit_test(test_audit_vulkan),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

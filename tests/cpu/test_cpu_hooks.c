/* SPDX-License-Identifier: MIT */
/* Faults in single evaluations: what each point means, and that forms, splits and forks agree. */
#include "hooks.h"

#include "model/sum_order.h"

static struct model *model;
static struct executor *scalar, *best;

static int open_model(void **state)
{
    (void)state;
    model = runs_model("tiny-gemma3");
    if (model) {
        scalar = hooks_executor(model, (struct runs_kind){.form = CPU_SCALAR, .threads = 1});
        best = hooks_executor(model, (struct runs_kind){.threads = 2});
    }
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    executor_destroy(&scalar);
    executor_destroy(&best);
    model_close(&model);
    return 0;
}

static void same_data(const struct hook *a, const struct hook *b)
{
    assert_int_equal(a->data.count, b->data.count);
    assert_int_equal(a->data.before, b->data.before);
    assert_int_equal(a->data.after, b->data.after);
}

/* Golden residuals, each in the row with the index of its position. */
static uint32_t run_golden(struct executor *ex)
{
    struct column columns[HOOKS_N];
    struct column_result results[HOOKS_N];
    const uint32_t branch = runs_branch(ex);

    for (uint32_t i = 0; i < HOOKS_N; i++) {
        columns[i] = runs_column(ex, branch, i);
        columns[i].save = i;
    }
    runs_pass(ex, columns, HOOKS_N, results);
    return branch;
}

/* The faulty column, then all later ones, from the layer of the fault on. */
static void run_forked(struct executor *ex, uint32_t golden, struct hook *hook,
                       uint64_t hash[HOOKS_N])
{
    const struct node *node = &ex->model->graph.node[hook->node];
    const uint32_t n = ex->model->hp.n_layers, at = hook->column, branch = runs_branch(ex);
    const uint32_t layer = node->layer != GRAPH_NO_LAYER ? node->layer
                           : node->op == OP_EMBED        ? 0
                                                         : n;
    struct column columns[HOOKS_N];
    struct column_result results[HOOKS_N];
    struct hook moved = *hook;

    if (layer > 0)
        kv_share(ex->kv, &(struct kv_share){golden, branch, 0, layer, HOOKS_N});
    if (layer < n)
        kv_share(ex->kv, &(struct kv_share){golden, branch, layer, n - layer, at});
    for (uint32_t position = at; position < HOOKS_N; position++) {
        columns[position] = runs_column(ex, branch, position);
        columns[position].start_layer = layer;
        columns[position].checkpoint = layer > 0 ? position : EXECUTOR_NONE;
    }
    moved.column = 0;
    const struct pass first = {
        .columns = &columns[at], .n_columns = 1, .hooks = &moved, .n_hooks = 1};
    assert_int_equal(executor_pass(ex, &first, &results[at]), STATUS_OK);
    same_data(&moved, hook);
    if (at + 1 < HOOKS_N)
        runs_pass(ex, &columns[at + 1], HOOKS_N - at - 1, &results[at + 1]);
    for (uint32_t position = at; position < HOOKS_N; position++)
        hash[position] = results[position].hash;
    kv_release(ex->kv, branch);
}

static void test_random_hooks_agree(void **state)
{
    (void)state;
    struct hooks_run clean = {0}, a = {0}, b = {0};
    uint64_t forked[HOOKS_N];
    struct rng rng;
    uint32_t changed = 0;
    const uint32_t golden = run_golden(best);

    rng_init(&rng, 91, 0);
    hooks_pass(best, NULL, 0, &clean);
    for (int i = 0; i < 150; i++) {
        struct hook hook = hooks_draw(&rng, model), other = hook, dry = hook;
        hooks_pass(scalar, &hook, 1, &a);
        hooks_pass(best, &other, 1, &b);
        assert_memory_equal(a.hash, b.hash, sizeof(a.hash));
        same_data(&hook, &other);
        assert_int_equal(hook.data.count, 1);
        assert_int_equal(hook.data.after, hook_edit(hook.data, 0, hook.data.before, 0));
        assert_memory_equal(a.hash, clean.hash, hook.column * sizeof(a.hash[0]));
        changed += memcmp(a.hash, clean.hash, sizeof(a.hash)) != 0;
        run_forked(best, golden, &hook, forked);
        assert_memory_equal(&forked[hook.column], &a.hash[hook.column],
                            (HOOKS_N - hook.column) * sizeof(forked[0]));
        dry.data.kind = KIND_DRY;
        hooks_pass(best, &dry, 1, &b);
        assert_memory_equal(b.hash, clean.hash, sizeof(b.hash));
        assert_int_equal(dry.data.count, 1);
        assert_int_equal(dry.data.before, hook.data.before);
        assert_int_equal(dry.data.after, hook.data.before);
    }
    kv_release(best->kv, golden);
    print_message("150 random faults, %u of them changed some logit\n", changed);
    assert_in_range(changed, 75, 150);
}

/* Storage types and tensor types: random faults on more models. */
static void test_random_hooks_of_types(void **state)
{
    (void)state;
    static const char *const names[] = {
        "tiny-qwen2",        "tiny-llama-q4_0",  "tiny-llama-q4_1", "tiny-llama-q5_0",
        "tiny-llama-q5_1",   "tiny-llama-q8_0",  "tiny-llama-q4_k", "tiny-llama-q5_k",
        "tiny-llama-q6_k",   "tiny-llama-q2_k",  "tiny-llama-q3_k", "tiny-llama-iq4_nl",
        "tiny-llama-iq4_xs", "tiny-llama-mxfp4", "tiny-llama-f16",  "tiny-llama-bf16",
        "tiny-gemma2",       "tiny-mixtral",     "tiny-qwen2moe",   "tiny-qwen3moe"};
    struct rng rng;

    rng_init(&rng, 92, 0);
    for (size_t m = 0; m < sizeof(names) / sizeof(*names); m++) {
        struct model *other = runs_model(names[m]);
        struct runs_kind kind = {CPU_SCALAR, (enum storage)(m % 3), (enum storage)(m / 3 % 3), 1};
        struct executor *first = hooks_executor(other, kind);
        kind.form = CPU_AUTO;
        kind.threads = 2;
        struct executor *second = hooks_executor(other, kind);
        for (int i = 0; i < 25; i++) {
            struct hooks_run a = {0}, b = {0};
            struct hook hook = hooks_draw(&rng, other), again = hook;
            hooks_pass(first, &hook, 1, &a);
            hooks_pass(second, &again, 1, &b);
            assert_memory_equal(a.hash, b.hash, sizeof(a.hash));
            same_data(&hook, &again);
            assert_int_equal(hook.data.count, 1);
        }
        executor_destroy(&first);
        executor_destroy(&second);
        model_close(&other);
    }
}

/* Two hooks that must have the same effect: an operand is the previous op's output. */
static void equal_effect(struct hook first, struct hook second)
{
    struct hooks_run clean = {0}, a = {0}, b = {0};

    hooks_pass(best, NULL, 0, &clean);
    hooks_pass(best, &first, 1, &a);
    hooks_pass(best, &second, 1, &b);
    same_data(&first, &second);
    assert_memory_equal(a.hash, b.hash, sizeof(a.hash));
    assert_memory_not_equal(a.hash, clean.hash, sizeof(a.hash));
}

static void test_operands_are_outputs_before(void **state)
{
    (void)state;
    const uint32_t dim = model->hp.head_dim;
    const struct hook_data d = {HOOKS_FLIP(1u << 30), .row = 1, .key = 17};
    struct hook_data e = d;

#define SAME(site_a, point_a, a, site_b, point_b, b)                                               \
    equal_effect(hooks_make(best, site_a, 20, point_a, a), hooks_make(best, site_b, 20, point_b, b))
    SAME("blk.1.attn_probs", HOOK_OPERAND, d, "blk.1.attn_scores", HOOK_OUT, d);
    e.row = dim + 3;
    SAME("blk.1.attn_heads", HOOK_OPERAND, e, "blk.1.attn_probs", HOOK_MEM, d);
    e = (struct hook_data){HOOKS_FLIP(1u << 29), .row = dim + 5, .k = 5};
    struct hook_data q = e;
    q.row = 1;
    SAME("blk.2.attn_scores", HOOK_OPERAND, q, "blk.2.rope_q", HOOK_OUT, e);
    q = e;
    q.k = e.row;
    SAME("blk.2.attn_output", HOOK_OPERAND, q, "blk.2.attn_heads", HOOK_MEM, e);
    SAME("blk.2.ffn_down", HOOK_OPERAND, q, "blk.2.ffn_act", HOOK_OUT, e);
    SAME("blk.2.rope_k", HOOK_OPERAND, ((struct hook_data){HOOKS_FLIP(1u << 29), .k = 5}),
         "blk.2.attn_k_norm", HOOK_OUT, ((struct hook_data){HOOKS_FLIP(1u << 29), .row = 5}));
    q.k = 0;
    SAME("blk.2.ffn_act", HOOK_OPERAND, q, "blk.2.ffn_gate", HOOK_OUT, e);
    q.k = 1;
    SAME("blk.2.ffn_act", HOOK_OPERAND, q, "blk.2.ffn_up", HOOK_MEM, e);
    SAME("blk.2.attn_residual", HOOK_OPERAND, q, "blk.2.post_attention_norm", HOOK_OUT, e);
#undef SAME
}

/* Points OUT and MEM change one element of the row, to `after`. */
static void test_out_and_mem_change_one_element(void **state)
{
    (void)state;
    static const char *const sites[] = {
        "token_embd",    "blk.3.attn_norm",    "blk.3.attn_q",     "blk.3.attn_q_norm",
        "blk.3.rope_q",  "blk.3.attn_scores",  "blk.3.attn_probs", "blk.3.attn_heads",
        "blk.3.ffn_act", "blk.3.ffn_residual", "output_norm",      "output"};
    for (size_t i = 0; i < 2 * sizeof(sites) / sizeof(*sites); i++) {
        const struct hook_data d = {HOOKS_FLIP(0x80400000u), .row = 1, .key = 19};
        struct hook hook = hooks_make(best, sites[i / 2], 20, i % 2 ? HOOK_MEM : HOOK_OUT, d);
        struct hooks_run clean = {.position = 20}, run = clean;
        clean.node = run.node = &model->graph.node[hook.node];
        const bool keyed = run.node->op == OP_SCORES || run.node->op == OP_SOFTMAX;
        const uint32_t index = keyed ? 21 + 19 : 1;
        hooks_pass(best, NULL, 0, &clean);
        hooks_pass(best, &hook, 1, &run);
        assert_int_equal(hook.data.before, lang_bits(clean.row[index]));
        assert_int_equal(hook.data.after, lang_bits(clean.row[index]) ^ 0x80400000u);
        assert_int_equal(hook.data.after, lang_bits(run.row[index]));
        run.row[index] = clean.row[index];
        forms_equal(run.row, clean.row, clean.count, sites[i / 2]);
    }
}

/* A weight as read by one evaluation gives what the stored weight would give, in that row alone. */
static void test_weight_point_is_the_stored_field(void **state)
{
    (void)state;
    struct model *other = runs_model("tiny-llama-q4_k");
    struct executor *ex = hooks_executor(other, (struct runs_kind){.threads = 2});
    const struct node *node = graph_find(&other->graph, "blk.0.attn_q");
    struct rng rng;

    rng_init(&rng, 93, 0);
    for (int i = 0; i < 20; i++) {
        struct hook_data d = {HOOKS_FLIP(0), .row = hooks_below(&rng, node->rows),
                              .k = hooks_below(&rng, node->width),
                              .field = hooks_field(&rng, node->weight->type)};
        const enum quant_field field = (enum quant_field)d.field;
        d.mask = 1u << hooks_below(&rng, quant_field_width(node->weight->type, field));
        struct hook hook = hooks_make(ex, "blk.0.attn_q", 7, HOOK_WEIGHT, d);
        const struct weight_site site = {node->weight, d.row, d.k, field};
        struct hooks_run clean = {.position = 7, .node = node}, run = clean, stored = clean;
        hooks_pass(ex, NULL, 0, &clean);
        hooks_pass(ex, &hook, 1, &run);
        assert_int_equal(executor_edit_weight(ex, &site, &d), STATUS_OK);
        hooks_pass(ex, NULL, 0, &stored);
        assert_int_equal(d.before, hook.data.before);
        assert_int_equal(d.after, hook.data.after);
        assert_int_equal(lang_bits(run.row[d.row]), lang_bits(stored.row[d.row]));
        run.row[d.row] = clean.row[d.row];
        forms_equal(run.row, clean.row, clean.count, "other rows");
        assert_int_equal(executor_edit_weight(ex, &site, &d), STATUS_OK); /* undone */
        assert_int_equal(d.after, hook.data.before);
    }
    executor_destroy(&ex);
    model_close(&other);
}

/* The same for stored K and V; and a KV edit touches its own branch only. */
static void test_kv_point_is_the_stored_entry(void **state)
{
    (void)state;
    struct executor *ex =
        hooks_executor(model, (struct runs_kind){.kv = STORAGE_F16, .threads = 2});
    const uint32_t dim = model->hp.head_dim, branch = runs_branch(ex), forked = runs_branch(ex);
    uint64_t hashes[HOOKS_N];

    runs_tokens(ex, (struct runs_span){branch, 0, HOOKS_N - 1, 20}, hashes);
    for (int value = 0; value < 2; value++) {
        const struct hook_data d = {HOOKS_FLIP(1u << 13), .row = value ? dim + 4 : 1, .k = 4,
                                    .key = HOOKS_N - 3};
        struct hook hook =
            hooks_make(ex, value ? "blk.0.attn_heads" : "blk.0.attn_scores", 0, HOOK_WEIGHT, d);
        const uint32_t kv_head = 1 / (model->hp.n_head / model->hp.n_head_kv);
        const struct kv_site site = {forked, 0, d.key, value != 0, kv_head * dim + 4};
        struct hooks_run run = {.node = &model->graph.node[hook.node]}, stored = run;
        struct hook_data edit = d;
        struct column_result result;
        for (int edited = 0; edited < 2; edited++) {
            kv_share(ex->kv,
                     &(struct kv_share){branch, forked, 0, model->hp.n_layers, HOOKS_N - 1});
            const struct column column = runs_column(ex, forked, HOOKS_N - 1);
            const struct pass pass = {.columns = &column,
                                      .n_columns = 1,
                                      .hooks = &hook,
                                      .n_hooks = edited ? 0 : 1,
                                      .watch = hooks_watch,
                                      .watch_user = edited ? &stored : &run};
            if (edited)
                assert_int_equal(executor_edit_kv(ex, &site, &edit), STATUS_OK);
            assert_int_equal(executor_pass(ex, &pass, &result), STATUS_OK);
        }
        const uint32_t index = value ? dim + 4 : HOOKS_N + d.key;
        assert_int_equal(edit.before, hook.data.before);
        assert_int_equal(edit.after, hook.data.after);
        assert_int_equal(lang_bits(run.row[index]), lang_bits(stored.row[index]));
    }
    /* the branch shared from still has its own */
    kv_cut(ex->kv, branch, 20);
    uint64_t again[HOOKS_N];
    runs_tokens(ex, (struct runs_span){branch, 20, HOOKS_N - 1, 9}, again);
    assert_memory_equal(&again[20], &hashes[20], (HOOKS_N - 21) * sizeof(again[0]));
    executor_destroy(&ex);
}

/* Chain k mod 4 of block k / 32 right after product k, spelled out for one LINEAR. */
static void test_partial_of_linear(void **state)
{
    (void)state;
    const struct node *node = graph_find(&model->graph, "blk.1.attn_q");
    const struct node *norm = graph_find(&model->graph, "blk.1.attn_norm");
    struct hooks_run in = {.node = norm, .position = 9}, clean = {.node = node, .position = 9};

    hooks_pass(best, NULL, 0, &in);
    hooks_pass(best, NULL, 0, &clean);
    assert_int_equal(quant_form(node->weight->type), QUANT_FORM_PLAIN);
    for (uint32_t k = 0; k < node->width; k += 13) {
        struct hook_data d = {HOOKS_FLIP(1u << 22), .row = 3, .k = k};
        struct hook hook = hooks_make(best, "blk.1.attn_q", 9, HOOK_PARTIAL, d);
        struct hooks_run run = {.node = node, .position = 9};
        struct order sum;
        const uint8_t *row =
            node->weight->data + 3 * quant_row_bytes(node->weight->type, node->width);
        hooks_pass(best, &hook, 1, &run);
        order_begin(&sum);
        for (uint32_t b = 0; b < node->width / 32; b++) {
            struct quant_block block;
            quant_decode(node->weight->type, row, node->width, b, &block);
            for (uint32_t i = 0; i < 32; i++) {
                order_term(&sum, i, block.code[i] * in.row[32 * b + i]);
                if (32 * b + i == k) {
                    assert_int_equal(hook.data.before, lang_bits(sum.chain[i % 4]));
                    sum.chain[i % 4] = lang_float(lang_bits(sum.chain[i % 4]) ^ 1u << 22);
                }
            }
            order_block(&sum, b, order_join(&sum));
        }
        assert_int_equal(lang_bits(run.row[3]), lang_bits(order_end(&sum)));
        run.row[3] = clean.row[3];
        forms_equal(run.row, clean.row, clean.count, "other rows");
    }
}

/* Stale: a capture one position earlier becomes the value of a later set. */
static void test_capture(void **state)
{
    (void)state;
    for (uint32_t order = 0; order < 2; order++) {
        const char *site = order ? "blk.2.attn_heads" : "blk.4.ffn_act";
        struct hook hooks[2] = {
            hooks_make(best, site, 29, HOOK_OUT, (struct hook_data){.row = 5, .capture = 8}),
            hooks_make(best, site, 30, HOOK_OUT,
                       (struct hook_data){.kind = KIND_STALE, .row = 5, .source = 8})};
        struct hooks_run clean = {0}, before = {.position = 29}, run = {.position = 30};
        before.node = run.node = &model->graph.node[hooks[0].node];
        hooks_pass(best, NULL, 0, &clean);
        hooks_pass(best, NULL, 0, &before);
        hooks_pass(best, hooks, 2, &run);
        assert_int_equal(hooks[0].data.count, 0);
        assert_int_equal(run.words[7], lang_bits(before.row[5]));
        assert_int_equal(hooks[1].data.count, 1);
        assert_int_equal(hooks[1].data.after, lang_bits(before.row[5]));
        assert_int_equal(lang_bits(run.row[5]), lang_bits(before.row[5]));
        assert_memory_equal(run.hash, clean.hash, 30 * sizeof(run.hash[0]));
        assert_true(run.hash[30] != clean.hash[30]);
    }
}

static void test_bad_coordinates_are_refused(void **state)
{
    (void)state;
    const struct hook bad[] = {
        {.node = model->graph.count, .point = HOOK_OUT},
        {.node = 1, .column = 1, .point = HOOK_OUT},
        {.node = 1, .point = 0},
        {.node = 1, .point = HOOK_SEVERAL},
        hooks_make(best, "blk.0.attn_heads", 0, HOOK_ACCUMULATOR, (struct hook_data){0}),
        hooks_make(best, "blk.0.attn_q", 0, HOOK_ACCUMULATOR, (struct hook_data){.k = 2}),
        hooks_make(best, "blk.0.attn_scores", 0, HOOK_ACCUMULATOR, (struct hook_data){.k = 1}),
        hooks_make(best, "token_embd", 0, HOOK_OPERAND, (struct hook_data){0}),
        hooks_make(best, "token_embd", 0, HOOK_PARTIAL, (struct hook_data){0}),
        hooks_make(best, "blk.0.kv", 0, HOOK_OUT, (struct hook_data){0}),
        hooks_make(best, "blk.0.rope_q", 0, HOOK_WEIGHT, (struct hook_data){0}),
        hooks_make(best, "blk.0.attn_q", 0, HOOK_OUT, (struct hook_data){.row = 1u << 20}),
        hooks_make(best, "blk.0.attn_q", 0, HOOK_OPERAND, (struct hook_data){.k = 1u << 20}),
        hooks_make(best, "blk.0.attn_q", 0, HOOK_WEIGHT,
                   (struct hook_data){.field = QUANT_FIELD_SUBMIN}),
        hooks_make(best, "blk.0.attn_scores", 0, HOOK_OUT, (struct hook_data){.key = 1}),
        hooks_make(best, "blk.0.ffn_act", 0, HOOK_OPERAND, (struct hook_data){.k = 2}),
        hooks_make(best, "blk.0.ffn_act", 0, HOOK_OUT, (struct hook_data){.capture = 2}),
    };
    const uint32_t branch = runs_branch(best);
    const struct column column = runs_column(best, branch, 0);
    struct column_result result;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct hook hook = bad[i];
        const struct pass pass = {.columns = &column, .n_columns = 1, .hooks = &hook, .n_hooks = 1};
        if (executor_pass(best, &pass, &result) != STATUS_INTERNAL)
            fail_msg("case %zu was not refused", i);
    }
    kv_release(best->kv, branch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_hooks_agree),
        cmocka_unit_test(test_random_hooks_of_types),
        cmocka_unit_test(test_operands_are_outputs_before),
        cmocka_unit_test(test_out_and_mem_change_one_element),
        cmocka_unit_test(test_weight_point_is_the_stored_field),
        cmocka_unit_test(test_kv_point_is_the_stored_entry),
        cmocka_unit_test(test_partial_of_linear),
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_bad_coordinates_are_refused),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, open_model, close_model);
}

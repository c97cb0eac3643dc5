/* SPDX-License-Identifier: MIT */
/* Features of tokens: the same bits on every device and form, whatever shares the pass, and what
 * they say of the rows of logits and of the residuals. */
#include "vk_testing.h"

#include <math.h>

#include "../model/gguf_builder.h"
#include "model/features.h"

enum { COLUMNS = 24 };

/* A model of the builder with this many tokens and random weights of its output matrix. */
static void open_wide(struct vk_testing *t, struct builder *b, uint32_t n_vocab,
                      struct executor_params params)
{
    struct rng rng;
    struct model *model = calloc(1, sizeof(*model));
    assert_non_null(model);
    builder_init(b);
    builder_key_array(b, "tokenizer.ggml.tokens", 8, n_vocab);
    for (uint32_t i = 0; i < n_vocab; i++)
        builder_put_text(&b->keys, "t");
    builder_tensor(b, "token_embd.weight", QUANT_Q8_0, TINY_EMBD, n_vocab);
    builder_tensor(b, "output.weight", QUANT_F16, TINY_EMBD, n_vocab);
    builder_tiny(b, "llama");
    assert_int_equal(gguf_open_memory(&model->gguf, b->file.data, b->file.size, "wide"), STATUS_OK);
    assert_int_equal(hparams_read(&model->hp, model->gguf), STATUS_OK);
    assert_int_equal(graph_build(&model->graph, &model->arena, model->gguf, &model->hp), STATUS_OK);
    rng_init(&rng, n_vocab, 0);
    uint8_t *words = gguf_tensor(model->gguf, "output.weight")->data;
    for (size_t i = 0; i < (size_t)n_vocab * TINY_EMBD; i++) {
        const uint16_t half =
            (uint16_t)((rng_u32(&rng) & 0x83ffu) | (12 + rng_below(&rng, 4)) << 10);
        memcpy(words + 2 * i, &half, sizeof(half));
    }
    params.model = model;
    t->model = model;
    assert_int_equal(cpu_create(&t->cpu, CPU_SCALAR, &params), STATUS_OK);
    assert_int_equal(vk_create(&t->vk, vk_testing_gpu, &params), STATUS_OK);
}

/* Against the row of logits and the residual of the same column, in double. */
static void check_meaning(const struct vk_testing *t, const struct column_result *r, uint32_t save)
{
    const uint32_t n = t->model->hp.n_vocab, width = t->model->hp.n_embd;
    float residual[1024];
    double first = -INFINITY, second = -INFINITY, z = 0, squares = 0;
    uint32_t odd = 0;
    assert_true(width <= 1024);
    for (uint32_t i = 0; i < n; i++) {
        const double x = (double)r->logits[i];
        odd += !isfinite(x);
        second = x > first ? first : x > second ? x : second;
        first = x > first ? x : first;
    }
    for (uint32_t i = 0; i < n; i++)
        z += exp((double)r->logits[i] - first);
    assert_int_equal(executor_read_checkpoint(t->vk, save, t->model->hp.n_layers, residual),
                     STATUS_OK);
    for (uint32_t i = 0; i < width; i++)
        squares += (double)residual[i] * (double)residual[i];
    assert_int_equal(r->features.nonfinite, odd);
    if (odd == 0) {
        assert_true((double)r->features.first == first && (double)r->features.second == second);
        assert_true(fabs(features_logsumexp(&r->features) - first - log(z)) <
                    1e-5 * (1 + fabs(first)));
    }
    if (isfinite(squares))
        assert_true(fabs(features_hidden(&r->features) - sqrt(squares)) <= 1e-5 * sqrt(squares));
}

/* Columns of one branch; which ask for features, and which have a fault, is drawn. */
static void run_rounds(struct vk_testing *t, const char *name)
{
    const struct graph *graph = &t->model->graph;
    struct executor *fast = NULL;
    struct executor_params params = {.model = t->model,
                                     .act = t->cpu->act,
                                     .kv = t->cpu->kv_storage,
                                     .positions = 64,
                                     .branches = 1,
                                     .columns = COLUMNS,
                                     .checkpoints = COLUMNS};
    struct rng rng;
    const uint32_t branch = vk_testing_branch(t);
    uint32_t other;
    rng_init(&rng, 6, t->model->hp.n_vocab);
    assert_int_equal(cpu_create(&fast, CPU_AUTO, &params), STATUS_OK);
    assert_int_equal(kv_branch(fast->kv, &other), STATUS_OK);
    assert_int_equal(branch, other);
    for (uint32_t round = 0; round < 6; round++) {
        struct column columns[COLUMNS];
        struct column_result found[COLUMNS], fastest[COLUMNS], plain[COLUMNS];
        struct hook hook = {
            .node = round % 2 ? graph->count - 1 : graph->count - 3,
            .column = (uint32_t)rng_below(&rng, COLUMNS),
            .point = HOOK_OUT,
            .data = {.kind = KIND_SET, .value = round % 3 ? 0x7f800000 : 0x7fc00000, .row = 5}};
        struct pass pass = {
            .columns = columns, .n_columns = COLUMNS, .hooks = &hook, .n_hooks = round >= 3};
        for (uint32_t i = 0; i < COLUMNS; i++) {
            static const uint32_t outputs[] = {
                0,           VK_TESTING_ALL, COLUMN_FEATURES, COLUMN_FEATURES | COLUMN_ARGMAX,
                COLUMN_HASH, COLUMN_HIDDEN};
            columns[i] = vk_testing_column(t, branch, i, vk_testing_token(t, &rng),
                                           outputs[rng_below(&rng, 6)]);
            columns[i].save = i;
        }
        columns[hook.column].outputs = VK_TESTING_ALL;
        vk_testing_pass(t, &pass, name, found);
        assert_int_equal(executor_pass(fast, &pass, fastest), STATUS_OK);
        vk_testing_equal(t, &pass, found, fastest, name);
        for (uint32_t i = 0; i < COLUMNS; i++) {
            if (columns[i].outputs & COLUMN_LOGITS)
                check_meaning(t, &found[i], i);
            columns[i].outputs &= ~COLUMN_FEATURES;
        }
        /* not asked for: zeros, and all else is the same */
        assert_int_equal(executor_pass(t->vk, &pass, plain), STATUS_OK);
        for (uint32_t i = 0; i < COLUMNS; i++) {
            const struct features none = {0};
            assert_memory_equal(&plain[i].features, &none, sizeof(none));
            if (columns[i].outputs & COLUMN_HASH)
                assert_true(plain[i].hash == found[i].hash);
        }
    }
    executor_destroy(&fast);
}

static const struct executor_params PARAMS = {
    .positions = 64, .branches = 1, .columns = COLUMNS, .checkpoints = COLUMNS};

static void test_tiny(void **state)
{
    static const char *const names[] = {"tiny-llama-q4_k", "tiny-qwen2", "tiny-gemma3"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct vk_testing t;
        struct executor_params params = PARAMS;
        params.act = (enum storage)i;
        params.kv = (enum storage)(2 - i);
        vk_testing_open(&t, vk_testing_tiny(names[i]), params);
        run_rounds(&t, names[i]);
        vk_testing_close(&t);
    }
}

/* Vocabularies around whole quads, blocks, and blocks of blocks; sums that go round all partials.
 */
static void test_vocabularies(void **state)
{
    static const uint32_t sizes[] = {33, 1057, 20003};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct vk_testing t;
        struct builder b;
        open_wide(&t, &b, sizes[i], PARAMS);
        run_rounds(&t, "wide");
        executor_destroy(&t.vk);
        executor_destroy(&t.cpu);
        gguf_close(&t.model->gguf);
        arena_finish(&t.model->arena);
        free(t.model);
        builder_free(&b);
    }
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tiny),
                                       cmocka_unit_test(test_vocabularies)};
    return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}

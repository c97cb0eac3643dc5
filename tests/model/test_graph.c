/* SPDX-License-Identifier: MIT */
/* The list of operations of each architecture, and the line for each tensor that does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "graph_built.h"

static void check_llama_attention(const struct built *t)
{
    const struct node *n;

    n = at(t, "token_embd");
    assert_ptr_equal(n, t->graph.node);
    check_flow(n, OP_EMBED, REG_NONE, REG_NONE, REG_X);
    assert_true(n->scale == 0 && n->layer == GRAPH_NO_LAYER && n->rows == TINY_EMBD);
    n = at(t, "blk.1.attn_norm");
    check_flow(n, OP_NORM, REG_X, REG_NONE, REG_N);
    assert_true(n->rows == TINY_EMBD && n->width == TINY_EMBD && n->groups == 1);
    n = at(t, "blk.1.attn_q");
    check_flow(n, OP_LINEAR, REG_N, REG_NONE, REG_Q);
    assert_ptr_equal(n->weight, gguf_tensor(t->g, "blk.1.attn_q.weight"));
    assert_null(n->bias);
    assert_true(n->rows == 32 && n->width == TINY_EMBD);
    check_flow(at(t, "blk.1.attn_k"), OP_LINEAR, REG_N, REG_NONE, REG_K);
    assert_int_equal(at(t, "blk.1.attn_v")->rows, TINY_HEAD);
    n = at(t, "blk.1.rope_q");
    check_flow(n, OP_ROPE, REG_Q, REG_NONE, REG_Q);
    assert_true(n->scale == 0.25f && n->groups == 2 && n->table == 0 && n->width == TINY_HEAD);
    n = at(t, "blk.1.rope_k");
    check_flow(n, OP_ROPE, REG_K, REG_NONE, REG_K);
    assert_true(n->scale == 0 && n->groups == 1);
    check_flow(at(t, "blk.1.kv"), OP_STORE, REG_K, REG_V, REG_NONE);
    n = at(t, "blk.1.attn_scores");
    check_flow(n, OP_SCORES, REG_Q, REG_NONE, REG_S);
    assert_true(n->rows == 2 && n->width == TINY_HEAD && n->window == 0);
    check_flow(at(t, "blk.1.attn_probs"), OP_SOFTMAX, REG_S, REG_NONE, REG_P);
    check_flow(at(t, "blk.1.attn_heads"), OP_HEADS, REG_P, REG_NONE, REG_H);
}

static void check_llama_rest(const struct built *t)
{
    const struct node *n;

    check_flow(at(t, "blk.1.attn_output"), OP_LINEAR, REG_H, REG_NONE, REG_T);
    check_flow(at(t, "blk.1.attn_residual"), OP_ADD, REG_X, REG_T, REG_X);
    check_flow(at(t, "blk.1.ffn_gate"), OP_LINEAR, REG_N, REG_NONE, REG_G);
    check_flow(at(t, "blk.1.ffn_up"), OP_LINEAR, REG_N, REG_NONE, REG_U);
    check_flow(at(t, "blk.1.ffn_act"), OP_GATE, REG_G, REG_U, REG_A);
    n = at(t, "blk.1.ffn_down");
    check_flow(n, OP_LINEAR, REG_A, REG_NONE, REG_T);
    assert_true(n->rows == TINY_EMBD && n->width == TINY_FF);
    check_flow(at(t, "output_norm"), OP_NORM, REG_X, REG_NONE, REG_N);
    assert_ptr_equal(at(t, "output_norm"), &t->graph.node[t->graph.layer_begin[2]]);
    n = at(t, "output");
    check_flow(n, OP_LINEAR, REG_N, REG_NONE, REG_L);
    assert_ptr_equal(n->weight, gguf_tensor(t->g, "output.weight"));
    assert_int_equal(n->rows, TINY_VOCAB);
    assert_null(graph_find(&t->graph, "blk.2.attn_q"));
    assert_null(graph_find(&t->graph, ""));
}

static void test_llama(void **state)
{
    static const char *const sites[] = {
        "attn_norm", "attn_q",      "attn_k",     "attn_v",     "rope_q",      "rope_k",
        "kv",        "attn_scores", "attn_probs", "attn_heads", "attn_output", "attn_residual",
        "ffn_norm",  "ffn_gate",    "ffn_up",     "ffn_act",    "ffn_down",    "ffn_residual",
        NULL};
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "llama"), STATUS_OK);
    assert_int_equal(t.graph.count, 1 + 2 * 18 + 2);
    check_layer(&t.graph, 0, sites);
    check_layer(&t.graph, 1, sites);
    check_llama_attention(&t);
    check_llama_rest(&t);
    finish(&t);
}

static void test_gemma3(void **state)
{
    static const char *const sites[] = {"attn_norm",
                                        "attn_q",
                                        "attn_k",
                                        "attn_v",
                                        "attn_q_norm",
                                        "attn_k_norm",
                                        "rope_q",
                                        "rope_k",
                                        "kv",
                                        "attn_scores",
                                        "attn_probs",
                                        "attn_heads",
                                        "attn_output",
                                        "post_attention_norm",
                                        "attn_residual",
                                        "ffn_norm",
                                        "ffn_gate",
                                        "ffn_up",
                                        "ffn_act",
                                        "ffn_down",
                                        "post_ffw_norm",
                                        "ffn_residual",
                                        NULL};
    struct built t = {0};
    const struct node *n;

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "gemma3"), STATUS_OK);
    for (uint32_t i = 0; i < 7; i++)
        check_layer(&t.graph, i, sites);
    assert_true(at(&t, "token_embd")->scale == t.hp.embd_scale);
    n = at(&t, "blk.0.attn_q_norm");
    check_flow(n, OP_NORM, REG_Q, REG_NONE, REG_Q);
    assert_true(n->rows == 32 && n->width == TINY_HEAD && n->groups == 2);
    check_flow(at(&t, "blk.0.post_attention_norm"), OP_NORM, REG_T, REG_NONE, REG_T);
    check_flow(at(&t, "blk.0.post_ffw_norm"), OP_NORM, REG_T, REG_NONE, REG_T);
    assert_int_equal(at(&t, "blk.4.rope_k")->table, 1);
    assert_int_equal(at(&t, "blk.5.rope_k")->table, 0);
    assert_int_equal(at(&t, "blk.6.attn_scores")->window, 8);
    assert_int_equal(at(&t, "blk.6.attn_probs")->window, 8);
    assert_int_equal(at(&t, "blk.6.attn_heads")->window, 8);
    assert_int_equal(at(&t, "blk.5.attn_heads")->window, 0);
    /* With tied weights the output reads the embedding's tensor. */
    assert_ptr_equal(at(&t, "output")->weight, gguf_tensor(t.g, "token_embd.weight"));
    assert_int_equal(at(&t, "output")->rows, TINY_VOCAB);
    finish(&t);
}

/* QK norms a head, no biases, no norms after the halves. */
static void test_qwen3(void **state)
{
    static const char *const sites[] = {
        "attn_norm",   "attn_q",        "attn_k",   "attn_v",      "attn_q_norm", "attn_k_norm",
        "rope_q",      "rope_k",        "kv",       "attn_scores", "attn_probs",  "attn_heads",
        "attn_output", "attn_residual", "ffn_norm", "ffn_gate",    "ffn_up",      "ffn_act",
        "ffn_down",    "ffn_residual",  NULL};
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "qwen3"), STATUS_OK);
    check_layer(&t.graph, 1, sites);
    check_flow(at(&t, "blk.1.attn_k_norm"), OP_NORM, REG_K, REG_NONE, REG_K);
    assert_int_equal(at(&t, "blk.1.attn_k_norm")->width, TINY_HEAD);
    finish(&t);
}

/* Rows from `row` on of what begins at `first`, found by name and by index. */
static void check_rows(const struct built *t, const char *site, const uint8_t *first, uint32_t row)
{
    const struct tensor *w = at(t, site)->weight;

    assert_ptr_equal(w->data, first + row * quant_row_bytes(w->type, w->dim[0]));
    assert_int_equal(w->size, w->dim[1] * quant_row_bytes(w->type, w->dim[0]));
    assert_ptr_equal(&gguf_tensors(t->g)[w->index], w);
    assert_ptr_equal(gguf_tensor(t->g, w->name), w);
}

static void check_falcon(const struct built *t, const char *const *sites)
{
    const struct node *n = at(t, "blk.1.attn_norm");

    check_layer(&t->graph, 1, sites);
    check_flow(n, OP_LAYER_NORM, REG_X, REG_NONE, REG_N);
    assert_ptr_equal(n->bias, gguf_tensor(t->g, "blk.1.attn_norm.bias"));
    check_flow(at(t, "blk.1.ffn_up"), OP_LINEAR, REG_N, REG_NONE, REG_U);
    check_flow(at(t, "blk.1.ffn_act"), OP_ACT, REG_U, REG_NONE, REG_A);
    check_flow(at(t, "output_norm"), OP_LAYER_NORM, REG_X, REG_NONE, REG_N);
    assert_null(gguf_tensor(t->g, "blk.1.attn_qkv.weight"));
    const uint8_t *first = at(t, "blk.1.attn_q")->weight->data;
    check_rows(t, "blk.1.attn_k", first, 32);
    check_rows(t, "blk.1.attn_v", first, 48);
}

/* Parallel halves, layer norms with biases, no gate; with two norms the second reads X before any
 * half is added. */
static void test_falcon(void **state)
{
    static const char *const one[] = {
        "attn_norm", "attn_q",      "attn_k",     "attn_v",       "rope_q",      "rope_k",
        "kv",        "attn_scores", "attn_probs", "attn_heads",   "attn_output", "attn_residual",
        "ffn_up",    "ffn_act",     "ffn_down",   "ffn_residual", NULL};
    static const char *const two[] = {"attn_norm_2",   "attn_q",     "attn_k",    "attn_v",
                                      "rope_q",        "rope_k",     "kv",        "attn_scores",
                                      "attn_probs",    "attn_heads", "attn_norm", "attn_output",
                                      "attn_residual", "ffn_up",     "ffn_act",   "ffn_down",
                                      "ffn_residual",  NULL};
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "falcon"), STATUS_OK);
    check_falcon(&t, one);
    finish(&t);
    t = (struct built){0};
    builder_init(&t.b);
    for (int layer = 0; layer < 2; layer++) {
        char name[64];
        snprintf(name, sizeof(name), "blk.%d.attn_norm_2.weight", layer);
        builder_tensor(&t.b, name, QUANT_F32, TINY_EMBD, 0);
        snprintf(name, sizeof(name), "blk.%d.attn_norm_2.bias", layer);
        builder_tensor(&t.b, name, QUANT_F32, TINY_EMBD, 0);
    }
    assert_int_equal(build(&t, "falcon"), STATUS_OK);
    check_falcon(&t, two);
    finish(&t);
}

static void test_phi3(void **state)
{
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "phi3"), STATUS_OK);
    check_rows(&t, "blk.0.ffn_up", at(&t, "blk.0.ffn_gate")->weight->data, TINY_FF);
    check_flow(at(&t, "blk.0.ffn_act"), OP_GATE, REG_G, REG_U, REG_A);
    finish(&t);
}

/* Both halves read the residual; norms of their results, and of q and k over all heads. */
static void test_olmo2(void **state)
{
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "olmo2"), STATUS_OK);
    check_flow(at(&t, "blk.0.attn_v"), OP_LINEAR, REG_X, REG_NONE, REG_V);
    check_flow(at(&t, "blk.0.ffn_gate"), OP_LINEAR, REG_X, REG_NONE, REG_G);
    const struct node *n = at(&t, "blk.0.attn_q_norm");
    assert_true(n->groups == 1 && n->width == 32 && n->rows == 32);
    assert_null(graph_find(&t.graph, "blk.0.attn_norm"));
    finish(&t);
}

/* Caps of scores and logits; every other layer has a window, the first one too. */
static void test_gemma2(void **state)
{
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    builder_key_u32(&t.b, "gemma2.attention.sliding_window", 8);
    assert_int_equal(build(&t, "gemma2"), STATUS_OK);
    for (uint32_t i = 0; i < t.graph.count; i++) {
        const struct node *n = &t.graph.node[i];
        assert_true(n->cap == (n->op == OP_SCORES ? 50.0f : n->out == REG_L ? 30.0f : 0));
    }
    assert_int_equal(at(&t, "blk.0.attn_scores")->window, 8);
    assert_int_equal(at(&t, "blk.0.attn_heads")->window, 8);
    assert_int_equal(at(&t, "blk.1.attn_scores")->window, 0);
    check_flow(at(&t, "blk.1.post_ffw_norm"), OP_NORM, REG_T, REG_NONE, REG_T);
    assert_null(graph_find(&t.graph, "blk.0.attn_q_norm"));
    finish(&t);
}

/* Mistral: a llama whose file has a window, in every layer. */
static void test_mistral(void **state)
{
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    builder_key_u32(&t.b, "llama.attention.sliding_window", 8);
    assert_int_equal(build(&t, "llama"), STATUS_OK);
    for (uint32_t i = 0; i < 2; i++) {
        char site[32];
        snprintf(site, sizeof(site), "blk.%u.attn_scores", i);
        assert_int_equal(at(&t, site)->window, 8);
    }
    finish(&t);
}

static void test_biases(void **state)
{
    struct built t = {0};

    (void)state;
    builder_init(&t.b);
    assert_int_equal(build(&t, "qwen2"), STATUS_OK);
    assert_ptr_equal(at(&t, "blk.1.attn_k")->bias, gguf_tensor(t.g, "blk.1.attn_k.bias"));
    assert_non_null(at(&t, "blk.1.attn_k")->bias);
    assert_null(at(&t, "blk.1.attn_output")->bias);
    finish(&t);

    t = (struct built){0};
    builder_init(&t.b);
    builder_tensor(&t.b, "blk.0.attn_output.bias", QUANT_F32, TINY_EMBD, 0);
    assert_int_equal(build(&t, "llama"), STATUS_OK);
    assert_non_null(at(&t, "blk.0.attn_output")->bias);
    assert_null(at(&t, "blk.1.attn_output")->bias);
    finish(&t);
}

static void test_names_and_widths(void **state)
{
    struct hparams hp = {
        .n_embd = 5, .n_head = 6, .n_head_kv = 3, .head_dim = 4, .n_ff = 7, .n_vocab = 11};

    (void)state;
    assert_string_equal(graph_op_name(OP_EMBED), "embed");
    assert_string_equal(graph_op_name(OP_ADD), "add");
    assert_string_equal(graph_reg_name(REG_X), "residual");
    assert_string_equal(graph_reg_name(REG_NONE), "none");
    assert_int_equal(graph_reg_width(&hp, REG_T, 9), 5);
    assert_int_equal(graph_reg_width(&hp, REG_H, 9), 24);
    assert_int_equal(graph_reg_width(&hp, REG_V, 9), 12);
    assert_int_equal(graph_reg_width(&hp, REG_P, 9), 54);
    assert_int_equal(graph_reg_width(&hp, REG_A, 9), 7);
    assert_int_equal(graph_reg_width(&hp, REG_L, 9), 11);
}

static void test_bad_tensors(void **state)
{
    static const struct {
        const char *arch, *tensor;
        enum quant type;
        uint64_t width, rows; /* width 0: the tensor is left out */
        const char *words[2];
    } cases[] = {
        {"llama", "blk.1.attn_q.weight", 0, 0, 0, {"found nothing", "'llama'"}},
        {"llama", "output_norm.weight", 0, 0, 0, {"found nothing"}},
        {"gemma3", "blk.3.post_ffw_norm.weight", 0, 0, 0, {"found nothing", "'gemma3'"}},
        {"gemma3", "blk.3.attn_k_norm.weight", 0, 0, 0, {"found nothing"}},
        {"qwen2", "blk.0.attn_v.bias", 0, 0, 0, {"found nothing"}},
        {"falcon", "blk.1.attn_norm.bias", 0, 0, 0, {"found nothing", "'falcon'"}},
        {"falcon", "output_norm.bias", 0, 0, 0, {"found nothing"}},
        {"falcon", "blk.0.ffn_gate.weight", QUANT_F32, 32, 64, {"does not use"}},
        {"falcon", "blk.1.attn_qkv.weight", QUANT_F32, 32, 63, {"63 rows", "with 64"}},
        {"falcon", "blk.1.attn_k.weight", QUANT_F32, 32, 16, {"beside 'blk.1.attn_qkv.weight'"}},
        {"falcon", "blk.1.attn_qkv.bias", QUANT_Q8_0, 64, 0, {"a plain vector"}},
        {"phi3", "blk.0.ffn_up.weight", QUANT_F32, 32, 64, {"64 rows", "with 128"}},
        {"phi3", "blk.0.attn_q.weight", QUANT_F32, 32, 32, {"beside"}},
        {"olmo2", "blk.0.attn_norm.weight", QUANT_F32, 32, 0, {"does not use"}},
        {"olmo2", "blk.0.post_ffw_norm.weight", 0, 0, 0, {"found nothing"}},
        {"qwen3", "blk.1.attn_q_norm.weight", 0, 0, 0, {"found nothing", "'qwen3'"}},
        {"qwen3", "blk.1.attn_q_norm.weight", QUANT_F32, 32, 0, {"(32, 1, 1, 1)", "(16, 1)"}},
        {"llama", "blk.0.attn_k.weight", QUANT_F32, 32, 32, {"(32, 32, 1, 1)", "(32, 16)"}},
        {"llama", "blk.0.ffn_down.weight", QUANT_F32, 32, 64, {"(32, 64, 1, 1)", "(64, 32)"}},
        {"llama", "blk.0.ffn_norm.weight", QUANT_F16, 32, 0, {"found type F16, expected F32"}},
        {"llama", "blk.0.ffn_norm.weight", QUANT_F32, 31, 0, {"(31, 1, 1, 1)", "(32, 1)"}},
        {"qwen2", "blk.0.attn_q.bias", QUANT_BF16, 32, 0, {"found type BF16, expected F32"}},
        {"llama", "output.weight", QUANT_F16, 32, 41, {"(32, 41, 1, 1)", "(32, 40)"}},
        {"llama", "token_embd.weight", QUANT_F16, 64, 40, {"(64, 40, 1, 1)"}},
        {"llama", "blk.0.attn_norm.bias", QUANT_F32, 32, 0, {"does not use"}},
        {"llama", "blk.2.attn_norm.weight", QUANT_F32, 32, 0, {"does not use"}},
        {"qwen2", "rope_freqs.weight", QUANT_F32, 8, 0, {"does not use"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct built t = {0};
        builder_init(&t.b);
        if (cases[i].width == 0)
            builder_omit(&t.b, cases[i].tensor);
        else
            builder_tensor(&t.b, cases[i].tensor, cases[i].type, cases[i].width, cases[i].rows);
        assert_int_equal(build(&t, cases[i].arch), STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), cases[i].tensor));
        for (int w = 0; w < 2 && cases[i].words[w]; w++) {
            if (!strstr(log_last_error(), cases[i].words[w]))
                fail_msg("'%s' is not in: %s", cases[i].words[w], log_last_error());
        }
        finish(&t);
    }
}

static void test_tiny_files(void **state)
{
    static const struct {
        const char *name;
        uint32_t count;
    } files[] = {{"tiny-llama-f16", 3 + 18},       {"tiny-llama-q6_k", 3 + 18},
                 {"tiny-llama3-rope", 3 + 2 * 18}, {"tiny-qwen2", 3 + 2 * 18},
                 {"tiny-qwen3", 3 + 2 * 20},       {"tiny-mistral", 3 + 2 * 18},
                 {"tiny-falcon-mqa", 3 + 2 * 16},  {"tiny-falcon-gqa", 3 + 2 * 17},
                 {"tiny-phi3", 3 + 2 * 18},        {"tiny-olmo2", 3 + 2 * 20},
                 {"tiny-mixtral", 3 + 2 * 22},     {"tiny-qwen2moe", 3 + 2 * 29},
                 {"tiny-qwen3moe", 3 + 2 * 24},    {"tiny-gemma3", 3 + 7 * 22},
                 {"tiny-gemma2", 3 + 4 * 20}};

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct built t = {0};
        char path[512];
        snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, files[i].name);
        assert_int_equal(gguf_open(&t.g, path), STATUS_OK);
        assert_int_equal(hparams_read(&t.hp, t.g), STATUS_OK);
        assert_int_equal(graph_split(t.g, &t.hp), STATUS_OK);
        assert_int_equal(graph_build(&t.graph, &t.arena, t.g, &t.hp), STATUS_OK);
        assert_int_equal(t.graph.count, files[i].count);
        finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama),       cmocka_unit_test(test_gemma3),
        cmocka_unit_test(test_qwen3),       cmocka_unit_test(test_mistral),
        cmocka_unit_test(test_falcon),      cmocka_unit_test(test_phi3),
        cmocka_unit_test(test_olmo2),       cmocka_unit_test(test_gemma2),
        cmocka_unit_test(test_biases),      cmocka_unit_test(test_names_and_widths),
        cmocka_unit_test(test_bad_tensors), cmocka_unit_test(test_tiny_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

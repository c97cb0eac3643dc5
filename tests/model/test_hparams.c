/* SPDX-License-Identifier: MIT */
/* Sizes and conventions of each architecture, and the line for each senseless or unsupported key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/log.h"
#include "gguf_builder.h"
#include "model/hparams.h"

static void open_tiny(struct builder *b, struct gguf **g, const char *arch)
{
    builder_tiny(b, arch);
    assert_int_equal(gguf_open_memory(g, b->file.data, b->file.size, "memory"), STATUS_OK);
}

static void test_llama(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_omit(&b, "llama.attention.head_count_kv");
    builder_omit(&b, "llama.rope.freq_base");
    builder_key_text(&b, "llama.rope.scaling.type", "linear");
    builder_key_f32(&b, "llama.rope.scaling.factor", 4.0f);
    builder_key_u32(&b, "llama.rope.dimension_count", 8);
    open_tiny(&b, &g, "llama");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_int_equal(hp.arch, ARCH_LLAMA);
    assert_string_equal(hparams_arch_name(hp.arch), "llama");
    assert_int_equal(hp.n_layers, 2);
    assert_int_equal(hp.n_embd, TINY_EMBD);
    assert_int_equal(hp.n_head, 2);
    assert_int_equal(hp.n_head_kv, 2);
    assert_int_equal(hp.head_dim, 16);
    assert_int_equal(hp.n_ff, TINY_FF);
    assert_int_equal(hp.n_vocab, TINY_VOCAB);
    assert_int_equal(hp.n_ctx, 128);
    assert_true(hp.norm_eps == 1e-5f);
    assert_true(hp.embd_scale == 0);
    assert_true(hp.q_scale == 0.25f);
    assert_int_equal(hp.activation, ACTIVATION_SILU);
    assert_false(hp.rope_neox);
    assert_int_equal(hp.rope_dim, 8);
    assert_true(hp.rope_base[0] == 10000 && hp.rope_scale[0] == 0.25);
    assert_int_equal(hp.window_period, 0);
    assert_false(hparams_windowed(&hp, 0));
    gguf_close(&g);
    builder_free(&b);
}

static void test_qwen2(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    open_tiny(&b, &g, "qwen2");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_int_equal(hp.arch, ARCH_QWEN2);
    assert_true(hp.rope_neox);
    assert_int_equal(hp.rope_dim, 16);
    assert_true(hp.rope_base[0] == 1e6 && hp.rope_base[1] == 1e6);
    assert_int_equal(hp.activation, ACTIVATION_SILU);
    gguf_close(&g);
    builder_free(&b);
}

static void test_gemma3(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_key_text(&b, "gemma3.rope.scaling.type", "linear");
    builder_key_f32(&b, "gemma3.rope.scaling.factor", 8.0f);
    open_tiny(&b, &g, "gemma3");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_int_equal(hp.activation, ACTIVATION_GELU);
    assert_true(hp.embd_scale == sqrtf(TINY_EMBD));
    assert_int_equal(hp.window, 8);
    assert_int_equal(hp.window_period, 6);
    assert_true(hp.rope_base[0] == 1e6 && hp.rope_base[1] == 10000);
    assert_true(hp.rope_scale[0] == 0.125 && hp.rope_scale[1] == 1);
    assert_int_equal(hp.rope_tables, 2);
    for (uint32_t layer = 0; layer < 7; layer++)
        assert_int_equal(hparams_windowed(&hp, layer), layer != 5);
    gguf_close(&g);
    builder_free(&b);
}

/* A window in a file of llama (Mistral) hides in every layer, with the same RoPE. */
static void test_mistral(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_key_u32(&b, "llama.attention.sliding_window", 100);
    builder_key_text(&b, "llama.rope.scaling.type", "linear");
    builder_key_f32(&b, "llama.rope.scaling.factor", 8.0f);
    open_tiny(&b, &g, "llama");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_int_equal(hp.window, 100);
    for (uint32_t layer = 0; layer < 512; layer++)
        assert_true(hparams_windowed(&hp, layer));
    assert_true(hp.rope_base[1] == hp.rope_base[0] && hp.rope_scale[1] == 0.125);
    assert_int_equal(hp.rope_tables, 1);
    gguf_close(&g);
    builder_free(&b);
}

/* Sizes of a mixture: an expert's width is that of the feed-forward, unless the file says so; one
 * expert for all, and raw weights, where the architecture has them. */
static void test_experts(void **state)
{
    static const struct {
        const char *arch;
        uint32_t own; /* expert_feed_forward_length, 0: not in the file */
        uint32_t n_ff, n_ff_exp;
        bool norm;
    } cases[] = {{"llama", 0, 0, TINY_FF, true},
                 {"qwen2moe", 96, TINY_FF, 96, false},
                 {"qwen3moe", 32, 0, 32, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int said = 0; said < 3; said++) { /* expert_weights_norm: no key, false, true */
            struct builder b;
            struct gguf *g;
            struct hparams hp;
            char key[64];
            builder_init(&b);
            snprintf(key, sizeof(key), "%s.expert_count", cases[i].arch);
            builder_key_u32(&b, key, TINY_EXPERTS);
            snprintf(key, sizeof(key), "%s.expert_feed_forward_length", cases[i].arch);
            if (cases[i].own)
                builder_key_u32(&b, key, cases[i].own);
            snprintf(key, sizeof(key), "%s.expert_weights_norm", cases[i].arch);
            if (said > 0)
                builder_key_bool(&b, key, said - 1);
            open_tiny(&b, &g, cases[i].arch);
            assert_int_equal(hparams_read(&hp, g), STATUS_OK);
            assert_int_equal(hp.n_expert, TINY_EXPERTS);
            assert_int_equal(hp.n_used, TINY_USED);
            assert_int_equal(hp.n_ff, cases[i].n_ff);
            assert_int_equal(hp.n_ff_exp, cases[i].n_ff_exp);
            assert_int_equal(hp.used_norm, said > 0 ? said - 1 : cases[i].norm);
            gguf_close(&g);
            builder_free(&b);
        }
    }
}

/* Contexts of a file with factors for long ones end where those begin. */
static void test_phi3(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_key_u32(&b, "phi3.rope.scaling.original_context_length", 64);
    builder_key_text(&b, "phi3.rope.scaling.type", "longrope");
    builder_key_f32(&b, "phi3.rope.scaling.factor", 32.0f);
    open_tiny(&b, &g, "phi3");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_int_equal(hp.n_ctx, 64);
    assert_true(hp.rope_scale[0] == 1);
    gguf_close(&g);
    builder_free(&b);
}

/* Values that change nothing are no reason to refuse a file. */
static void test_neutral_keys(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_key_u32(&b, "llama.expert_count", 0);
    builder_key_f32(&b, "llama.final_logit_softcapping", 0);
    builder_key_f32(&b, "llama.logit_scale", 1);
    builder_key_bool(&b, "llama.attention.causal", 1);
    builder_key_text(&b, "llama.rope.scaling.type", "yarn");
    builder_key_f32(&b, "llama.rope.scaling.factor", 1);
    builder_key_u32(&b, "llama.attention.sliding_window", 128);
    open_tiny(&b, &g, "llama");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_true(hp.rope_scale[0] == 1);
    assert_int_equal(hp.window, 0);
    gguf_close(&g);
    builder_free(&b);
}

/* Contexts longer than the rope tables reach are cut. */
static void test_long_context(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_key_u32(&b, "llama.context_length", 10485760);
    open_tiny(&b, &g, "llama");
    assert_int_equal(hparams_read(&hp, g), STATUS_OK);
    assert_int_equal(hp.n_ctx, 1 << 20);
    gguf_close(&g);
    builder_free(&b);
}

enum edit { EDIT_UINT, EDIT_REAL, EDIT_TEXT, EDIT_BOOL, EDIT_OMIT };

static const struct {
    const char *arch, *key;
    enum edit edit;
    double number;
    const char *text, *words[3];
} BAD_KEYS[] = {
    {"llama", "general.architecture", EDIT_OMIT, 0, 0, {"found nothing"}},
    {"llama",
     "general.architecture",
     EDIT_TEXT,
     0,
     "gpt2",
     {"architecture 'gpt2' is not supported (llama, qwen2, qwen3, gemma3, falcon, phi3, olmo2, "
      "gemma2, qwen2moe, qwen3moe are)"}},
    {"llama",
     "general.architecture",
     EDIT_TEXT,
     0,
     "bert",
     {"architecture 'bert' is not supported (llama,"}},
    {"qwen2",
     "qwen2.expert_count",
     EDIT_UINT,
     4,
     0,
     {"found 4, expected 0: a mixture of experts is not supported"}},
    {"llama", "llama.block_count", EDIT_OMIT, 0, 0, {"found nothing, expected an integer"}},
    {"llama", "llama.block_count", EDIT_UINT, 0, 0, {"found 0, expected 1 to 512"}},
    {"llama", "llama.block_count", EDIT_UINT, 513, 0, {"found 513"}},
    {"llama", "llama.block_count", EDIT_REAL, 2, 0, {"found float32"}},
    {"llama", "llama.embedding_length", EDIT_UINT, 65537, 0, {"found 65537"}},
    {"llama", "llama.feed_forward_length", EDIT_UINT, 0, 0, {"found 0"}},
    {"llama", "llama.context_length", EDIT_UINT, 0, 0, {"found 0"}},
    {"llama", "llama.attention.head_count", EDIT_UINT, 0, 0, {"found 0"}},
    {"llama", "llama.attention.head_count", EDIT_UINT, 3, 0, {"32 features", "3 heads"}},
    {"llama", "llama.attention.head_count", EDIT_UINT, 32, 0, {"head of 1 features"}},
    {"llama", "llama.attention.head_count_kv", EDIT_UINT, 0, 0, {"found 0", "divisor"}},
    {"qwen2", "qwen2.attention.head_count_kv", EDIT_UINT, 3, 0, {"found 3", "divisor"}},
    {"llama", "llama.attention.key_length", EDIT_UINT, 0, 0, {"head of 0 features"}},
    {"llama",
     "llama.attention.key_length",
     EDIT_UINT,
     32,
     0,
     {"'llama.attention.value_length'", "found 16, expected 32"}},
    {"llama", "llama.attention.value_length", EDIT_UINT, 8, 0, {"found 8, expected 16"}},
    {"llama", "llama.rope.dimension_count", EDIT_UINT, 7, 0, {"found 7", "2 to 16"}},
    {"llama", "llama.rope.dimension_count", EDIT_UINT, 18, 0, {"found 18", "2 to 16"}},
    {"llama", "llama.rope.freq_base", EDIT_REAL, 1, 0, {"found 1", "above 1"}},
    {"llama", "llama.rope.freq_base", EDIT_REAL, INFINITY, 0, {"found inf"}},
    {"llama", "llama.rope.freq_base", EDIT_REAL, NAN, 0, {"nan"}},
    {"llama", "llama.rope.scaling.type", EDIT_TEXT, 0, "none", {0}},
    {"llama", "llama.rope.scaling.factor", EDIT_REAL, -2, 0, {"found -2"}},
    {"falcon", "falcon.attention.layer_norm_epsilon", EDIT_OMIT, 0, 0, {"found nothing"}},
    {"llama", "llama.attention.layer_norm_rms_epsilon", EDIT_OMIT, 0, 0, {"found nothing"}},
    {"llama", "llama.attention.layer_norm_rms_epsilon", EDIT_REAL, 0, 0, {"found 0"}},
    {"llama", "llama.attention.layer_norm_rms_epsilon", EDIT_REAL, NAN, 0, {"nan"}},
    {"gemma3", "gemma3.final_logit_softcapping", EDIT_REAL, 30, 0, {"found 30, expected 0"}},
    {"gemma2", "gemma2.final_logit_softcapping", EDIT_OMIT, 0, 0, {"found nothing"}},
    {"gemma2", "gemma2.attn_logit_softcapping", EDIT_REAL, 0, 0, {"found 0", "above 0.001"}},
    {"gemma2", "gemma2.attn_logit_softcapping", EDIT_REAL, NAN, 0, {"nan"}},
    {"llama", "llama.attention.causal", EDIT_BOOL, 0, 0, {"found false"}},
    {"qwen2", "qwen2.attention.sliding_window", EDIT_UINT, 64, 0, {"found 64", "sliding"}},
    {"gemma3", "gemma3.rope.freq_base_swa", EDIT_REAL, 0.5, 0, {"found 0.5"}},
    {"qwen3moe", "qwen3moe.expert_used_count", EDIT_UINT, 5, 0, {"found 5", "0 to 4"}},
    {"qwen3moe", "qwen3moe.expert_used_count", EDIT_OMIT, 0, 0, {"found nothing"}},
    {"qwen3moe", "qwen3moe.expert_count", EDIT_UINT, 0, 0, {"found 0", "1 to 1024"}},
    {"qwen3moe", "qwen3moe.expert_gating_func", EDIT_UINT, 2, 0, {"another function than"}},
    {"qwen3moe", "qwen3moe.expert_feed_forward_length", EDIT_UINT, 0, 0, {"found 0 for each"}},
    {"llama", "token_embd.weight", EDIT_OMIT, 0, 0, {"tensor 'token_embd.weight'", "nothing"}},
    {"llama", "tokenizer.ggml.tokens", EDIT_UINT, 1, 0, {"found uint32", "array of strings"}},
};

static void test_bad_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(BAD_KEYS) / sizeof(BAD_KEYS[0]); i++) {
        struct builder b;
        struct gguf *g;
        struct hparams hp;
        builder_init(&b);
        if (BAD_KEYS[i].edit == EDIT_UINT)
            builder_key_u32(&b, BAD_KEYS[i].key, (uint32_t)BAD_KEYS[i].number);
        else if (BAD_KEYS[i].edit == EDIT_REAL)
            builder_key_f32(&b, BAD_KEYS[i].key, (float)BAD_KEYS[i].number);
        else if (BAD_KEYS[i].edit == EDIT_TEXT)
            builder_key_text(&b, BAD_KEYS[i].key, BAD_KEYS[i].text);
        else if (BAD_KEYS[i].edit == EDIT_BOOL)
            builder_key_bool(&b, BAD_KEYS[i].key, BAD_KEYS[i].number != 0);
        else
            builder_omit(&b, BAD_KEYS[i].key);
        open_tiny(&b, &g, BAD_KEYS[i].arch);
        if (!BAD_KEYS[i].words[0]) {
            assert_int_equal(hparams_read(&hp, g), STATUS_OK);
        } else {
            assert_int_equal(hparams_read(&hp, g), STATUS_INPUT);
            assert_non_null(strstr(log_last_error(), "memory: "));
        }
        for (int w = 0; w < 3 && BAD_KEYS[i].words[w]; w++) {
            if (!strstr(log_last_error(), BAD_KEYS[i].words[w]))
                fail_msg("'%s' is not in: %s", BAD_KEYS[i].words[w], log_last_error());
        }
        gguf_close(&g);
        builder_free(&b);
    }
}

static void test_yarn_is_named(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_key_text(&b, "qwen2.rope.scaling.type", "yarn");
    builder_key_f32(&b, "qwen2.rope.scaling.factor", 4);
    open_tiny(&b, &g, "qwen2");
    assert_int_equal(hparams_read(&hp, g), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "'yarn' is not supported"));
    gguf_close(&g);
    builder_free(&b);
}

static void test_vocabulary_disagrees(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    builder_init(&b);
    builder_tensor(&b, "token_embd.weight", QUANT_F16, TINY_EMBD, TINY_VOCAB + 1);
    open_tiny(&b, &g, "llama");
    assert_int_equal(hparams_read(&hp, g), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found 40 tokens, expected 41"));
    gguf_close(&g);
    builder_free(&b);
}

/* The tiny models: those that run, and those refused by name. */
static void test_tiny_files(void **state)
{
    static const struct {
        const char *name, *refusal;
    } files[] = {
        {"tiny-llama-q4_k", NULL}, {"tiny-llama3-rope", NULL}, {"tiny-qwen2", NULL},
        {"tiny-gemma3", NULL},     {"tiny-qwen3", NULL},       {"tiny-mistral", NULL},
        {"tiny-falcon-mqa", NULL}, {"tiny-falcon-gqa", NULL},  {"tiny-phi3", NULL},
        {"tiny-phi3-long", NULL},  {"tiny-olmo2", NULL},       {"tiny-mixtral", NULL},
        {"tiny-qwen2moe", NULL},   {"tiny-qwen3moe", NULL},    {"tiny-gemma2", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[512];
        struct gguf *g;
        struct hparams hp;
        enum status st;
        snprintf(path, sizeof(path), "%s/%s.gguf", VKFI_TINY, files[i].name);
        assert_int_equal(gguf_open(&g, path), STATUS_OK);
        st = hparams_read(&hp, g);
        assert_int_equal(st, files[i].refusal ? STATUS_INPUT : STATUS_OK);
        if (files[i].refusal)
            assert_non_null(strstr(log_last_error(), files[i].refusal));
        else
            assert_int_equal(hp.n_vocab, 320);
        gguf_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama),         cmocka_unit_test(test_qwen2),
        cmocka_unit_test(test_gemma3),        cmocka_unit_test(test_mistral),
        cmocka_unit_test(test_phi3),          cmocka_unit_test(test_neutral_keys),
        cmocka_unit_test(test_long_context),  cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_yarn_is_named), cmocka_unit_test(test_vocabulary_disagrees),
        cmocka_unit_test(test_tiny_files),    cmocka_unit_test(test_experts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

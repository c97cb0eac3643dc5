/* SPDX-License-Identifier: MIT */
/* GGUF files made in memory for tests: well-formed ones, and ones broken on purpose. */
#ifndef VKFI_TESTS_GGUF_BUILDER_H
#define VKFI_TESTS_GGUF_BUILDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/arch.h"
#include "model/quant.h"

#define BUILDER_FN __attribute__((unused)) static
#define BUILDER_NAMES_MAX 512

struct builder_bytes {
    uint8_t *data; /* owned */
    size_t size, room;
};

struct builder {
    uint32_t version;
    uint64_t n_keys, n_tensors;
    uint64_t alignment;
    struct builder_bytes keys, infos, data;
    struct builder_bytes file;      /* made by builder_finish */
    char *names[BUILDER_NAMES_MAX]; /* keys and tensors that builder_tiny must not add */
    size_t n_names;
};

BUILDER_FN void builder_put(struct builder_bytes *to, const void *bytes, size_t n)
{
    if (to->size + n > to->room) {
        to->room = 2 * (to->size + n) + 64;
        to->data = realloc(to->data, to->room);
        if (!to->data)
            abort();
    }
    if (n > 0)
        memcpy(to->data + to->size, bytes, n);
    to->size += n;
}

BUILDER_FN void builder_put_u32(struct builder_bytes *to, uint32_t value)
{
    builder_put(to, &value, sizeof(value));
}

BUILDER_FN void builder_put_u64(struct builder_bytes *to, uint64_t value)
{
    builder_put(to, &value, sizeof(value));
}

BUILDER_FN void builder_put_text(struct builder_bytes *to, const char *text)
{
    builder_put_u64(to, strlen(text));
    builder_put(to, text, strlen(text));
}

BUILDER_FN void builder_pad(struct builder_bytes *to, uint64_t alignment)
{
    while (to->size % alignment != 0)
        builder_put(to, "", 1);
}

BUILDER_FN void builder_init(struct builder *b)
{
    *b = (struct builder){.version = 3, .alignment = 32};
}

BUILDER_FN void builder_free(struct builder *b)
{
    free(b->keys.data);
    free(b->infos.data);
    free(b->data.data);
    free(b->file.data);
    for (size_t i = 0; i < b->n_names; i++)
        free(b->names[i]);
    *b = (struct builder){0};
}

/* Marks a key or tensor as present, so that builder_tiny leaves it out. */
BUILDER_FN void builder_omit(struct builder *b, const char *name)
{
    if (b->n_names == BUILDER_NAMES_MAX)
        return; /* only the speed test's large files have more */
    b->names[b->n_names++] = strdup(name);
}

BUILDER_FN bool builder_has(const struct builder *b, const char *name)
{
    for (size_t i = 0; i < b->n_names; i++) {
        if (strcmp(b->names[i], name) == 0)
            return true;
    }
    return false;
}

/* Begins a key; the caller puts the value into b->keys. */
BUILDER_FN void builder_key(struct builder *b, const char *key, uint32_t type)
{
    builder_omit(b, key);
    builder_put_text(&b->keys, key);
    builder_put_u32(&b->keys, type);
    b->n_keys++;
}

BUILDER_FN void builder_key_u32(struct builder *b, const char *key, uint32_t value)
{
    builder_key(b, key, 4);
    builder_put_u32(&b->keys, value);
}

BUILDER_FN void builder_key_f32(struct builder *b, const char *key, float value)
{
    builder_key(b, key, 6);
    builder_put(&b->keys, &value, sizeof(value));
}

BUILDER_FN void builder_key_bool(struct builder *b, const char *key, uint8_t value)
{
    builder_key(b, key, 7);
    builder_put(&b->keys, &value, 1);
}

BUILDER_FN void builder_key_text(struct builder *b, const char *key, const char *value)
{
    builder_key(b, key, 8);
    builder_put_text(&b->keys, value);
}

BUILDER_FN void builder_key_array(struct builder *b, const char *key, uint32_t item, uint64_t count)
{
    builder_key(b, key, 9);
    builder_put_u32(&b->keys, item);
    builder_put_u64(&b->keys, count);
}

struct builder_shape {
    uint32_t type_id, n_dims;
    const uint64_t *dims; /* (n_dims) */
    uint64_t offset;
};

/* A tensor description alone. */
BUILDER_FN void builder_info(struct builder *b, const char *name, const struct builder_shape *shape)
{
    builder_omit(b, name);
    builder_put_text(&b->infos, name);
    builder_put_u32(&b->infos, shape->n_dims);
    for (uint32_t i = 0; i < shape->n_dims; i++)
        builder_put_u64(&b->infos, shape->dims[i]);
    builder_put_u32(&b->infos, shape->type_id);
    builder_put_u64(&b->infos, shape->offset);
    b->n_tensors++;
}

/* A tensor with data that are small numbers in every type. */
BUILDER_FN void builder_tensor_of(struct builder *b, const char *name, enum quant type,
                                  const uint64_t *dims, uint32_t n_dims)
{
    static const uint32_t ids[QUANT_COUNT] = {
#define BUILDER_ENTRY(label, id, elements, bytes) id,
        QUANT_TYPES(BUILDER_ENTRY)
#undef BUILDER_ENTRY
    };
    size_t size = quant_row_bytes(type, dims[0]);

    for (uint32_t i = 1; i < n_dims; i++)
        size *= (size_t)dims[i];
    builder_pad(&b->data, b->alignment);
    builder_info(b, name, &(struct builder_shape){ids[type], n_dims, dims, b->data.size});
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(i % 29);
        builder_put(&b->data, &byte, 1);
    }
}

/* The same of `rows`; 0: one dimension. */
BUILDER_FN void builder_tensor(struct builder *b, const char *name, enum quant type, uint64_t width,
                               uint64_t rows)
{
    const uint64_t dims[2] = {width, rows};
    builder_tensor_of(b, name, type, dims, rows ? 2 : 1);
}

/* Header, keys, descriptions, padding, data. The file stays in b->file. */
BUILDER_FN void builder_finish(struct builder *b)
{
    builder_put(&b->file, "GGUF", 4);
    builder_put_u32(&b->file, b->version);
    builder_put_u64(&b->file, b->n_tensors);
    builder_put_u64(&b->file, b->n_keys);
    builder_put(&b->file, b->keys.data, b->keys.size);
    builder_put(&b->file, b->infos.data, b->infos.size);
    if (b->n_tensors > 0)
        builder_pad(&b->file, b->alignment);
    builder_put(&b->file, b->data.data, b->data.size);
}

/* Keys of most types and two tensors, not yet finished: nothing a model needs. */
BUILDER_FN void builder_example(struct builder *b)
{
    builder_key_text(b, "general.architecture", "llama");
    builder_key_text(b, "general.name", "example");
    builder_key_array(b, "test.numbers", 5, 3);
    builder_put_u32(&b->keys, 7);
    builder_put_u32(&b->keys, (uint32_t)-8);
    builder_put_u32(&b->keys, 9);
    builder_key_array(b, "test.words", 8, 2);
    builder_put_text(&b->keys, "one");
    builder_put_text(&b->keys, "");
    builder_key_bool(b, "test.yes", 1);
    builder_key(b, "test.small", 1);
    builder_put(&b->keys, "\xfe", 1);
    builder_key(b, "test.large", 10);
    builder_put_u64(&b->keys, UINT64_MAX);
    builder_key_f32(b, "test.real", 0.5f);
    builder_key_array(b, "test.reals", 6, 1);
    builder_put(&b->keys, "\0\0\x40\x40", 4); /* 3.0 */
    builder_tensor(b, "a", QUANT_F32, 5, 0);
    builder_tensor(b, "b", QUANT_Q4_1, 64, 3);
}

/* A default key or tensor of builder_tiny, unless the test has put its own. */
#define BUILDER_DEFAULT(b, call, name, ...)                                                        \
    do {                                                                                           \
        if (!builder_has(b, name))                                                                 \
            call(b, name, __VA_ARGS__);                                                            \
    } while (0)

enum { TINY_EMBD = 32, TINY_FF = 64, TINY_VOCAB = 40, TINY_HEADS = 2, TINY_HEAD = 16 };
enum { TINY_EXPERTS = 4, TINY_USED = 2 };

/* Whether the model has experts: the architecture always has, or the test has put their number. */
BUILDER_FN bool builder_has_experts(const struct builder *b, const char *arch)
{
    char key[96];

    snprintf(key, sizeof(key), "%s.expert_count", arch);
    return arch_rules(arch_find(arch, strlen(arch)))->only_experts || builder_has(b, key);
}

BUILDER_FN void builder_tiny_experts(struct builder *b, const char *arch, int layer)
{
    const bool shared = arch_rules(arch_find(arch, strlen(arch)))->shared;
    const struct {
        const char *site;
        enum quant type;
        uint64_t dims[3];
        uint32_t n_dims;
    } t[] = {
        {"gate_inp", QUANT_F32, {TINY_EMBD, TINY_EXPERTS}, 2},
        {"gate_exps", QUANT_Q8_0, {TINY_EMBD, TINY_FF, TINY_EXPERTS}, 3},
        {"up_exps", QUANT_Q4_0, {TINY_EMBD, TINY_FF, TINY_EXPERTS}, 3},
        {"down_exps", QUANT_F16, {TINY_FF, TINY_EMBD, TINY_EXPERTS}, 3},
        {"gate_inp_shexp", QUANT_F32, {TINY_EMBD}, 1},
        {"gate_shexp", QUANT_Q8_0, {TINY_EMBD, TINY_FF}, 2},
        {"up_shexp", QUANT_Q8_0, {TINY_EMBD, TINY_FF}, 2},
        {"down_shexp", QUANT_Q5_0, {TINY_FF, TINY_EMBD}, 2},
    };

    for (size_t i = 0; i < (shared ? 8 : 4); i++) {
        char name[64];
        snprintf(name, sizeof(name), "blk.%d.ffn_%s.weight", layer, t[i].site);
        BUILDER_DEFAULT(b, builder_tensor_of, name, t[i].type, t[i].dims, t[i].n_dims);
    }
}

BUILDER_FN void builder_tiny_layer(struct builder *b, const char *arch, int layer)
{
    const struct arch_rules *rules = arch_rules(arch_find(arch, strlen(arch)));
    const bool qk = rules->qk_norms, post = rules->post_norms, biases = rules->qkv_biases;
    const bool before = !rules->post_alone, parts = !rules->fused_qkv;
    const bool dense = !builder_has_experts(b, arch);
    const bool gated = !rules->ungated && !rules->fused_gate_up && dense;
    const uint64_t q = TINY_HEADS * TINY_HEAD, up = (rules->fused_gate_up ? 2 : 1) * TINY_FF;
    const struct {
        const char *site;
        enum quant type;
        uint64_t width, rows;
        bool wanted;
    } t[] = {
        {"attn_norm.weight", QUANT_F32, TINY_EMBD, 0, before},
        {"attn_norm.bias", QUANT_F32, TINY_EMBD, 0, rules->layer_norms},
        {"attn_qkv.weight", QUANT_Q8_0, TINY_EMBD, q + 2 * TINY_HEAD, rules->fused_qkv},
        {"attn_q.weight", QUANT_F16, TINY_EMBD, q, parts},
        {"attn_k.weight", QUANT_Q8_0, TINY_EMBD, TINY_HEAD, parts},
        {"attn_v.weight", QUANT_Q5_1, TINY_EMBD, TINY_HEAD, parts},
        {"attn_q.bias", QUANT_F32, TINY_HEADS * TINY_HEAD, 0, biases},
        {"attn_k.bias", QUANT_F32, TINY_HEAD, 0, biases},
        {"attn_v.bias", QUANT_F32, TINY_HEAD, 0, biases},
        {"attn_q_norm.weight", QUANT_F32, rules->qk_whole ? q : TINY_HEAD, 0, qk},
        {"attn_k_norm.weight", QUANT_F32, TINY_HEAD, 0, qk},
        {"attn_output.weight", QUANT_Q4_0, TINY_HEADS * TINY_HEAD, TINY_EMBD, true},
        {"post_attention_norm.weight", QUANT_F32, TINY_EMBD, 0, post},
        {"ffn_norm.weight", QUANT_F32, TINY_EMBD, 0, before && !rules->parallel},
        {"ffn_gate.weight", QUANT_BF16, TINY_EMBD, TINY_FF, gated},
        {"ffn_up.weight", QUANT_Q4_1, TINY_EMBD, up, dense},
        {"ffn_down.weight", QUANT_Q5_0, TINY_FF, TINY_EMBD, dense},
        {"post_ffw_norm.weight", QUANT_F32, TINY_EMBD, 0, post},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        char name[64];
        snprintf(name, sizeof(name), "blk.%d.%s", layer, t[i].site);
        if (t[i].wanted)
            BUILDER_DEFAULT(b, builder_tensor, name, t[i].type, t[i].width, t[i].rows);
    }
    if (!dense)
        builder_tiny_experts(b, arch, layer);
}

BUILDER_FN void builder_tiny_keys(struct builder *b, const char *arch, uint32_t layers)
{
    const struct {
        const char *suffix;
        uint32_t value;
    } sizes[] = {
        {"block_count", layers},
        {"context_length", 128},
        {"embedding_length", TINY_EMBD},
        {"feed_forward_length", TINY_FF},
        {"attention.head_count", TINY_HEADS},
        {"attention.head_count_kv", 1},
        {"expert_count", TINY_EXPERTS},
        {"expert_used_count", TINY_USED},
        {"expert_shared_feed_forward_length", TINY_FF},
    };
    const bool shared = arch_rules(arch_find(arch, strlen(arch)))->shared;
    const size_t n = shared ? 9 : builder_has_experts(b, arch) ? 8 : 6;
    char key[96];

    BUILDER_DEFAULT(b, builder_key_text, "general.architecture", arch);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%s.%s", arch, sizes[i].suffix);
        BUILDER_DEFAULT(b, builder_key_u32, key, sizes[i].value);
    }
    snprintf(key, sizeof(key), "%s.attention.layer_norm_%sepsilon", arch,
             arch_rules(arch_find(arch, strlen(arch)))->layer_norms ? "" : "rms_");
    BUILDER_DEFAULT(b, builder_key_f32, key, 1e-5f);
    snprintf(key, sizeof(key), "%s.rope.freq_base", arch);
    BUILDER_DEFAULT(b, builder_key_f32, key, 1e6f);
    if (!builder_has(b, "tokenizer.ggml.tokens")) {
        builder_key_array(b, "tokenizer.ggml.tokens", 8, TINY_VOCAB);
        for (int i = 0; i < TINY_VOCAB; i++) {
            char token[8];
            snprintf(token, sizeof(token), "t%d", i);
            builder_put_text(&b->keys, token);
        }
    }
}

/* A complete small model, except what the test has put or omitted before. */
BUILDER_FN void builder_tiny(struct builder *b, const char *arch)
{
    const struct arch_rules *rules = arch_rules(arch_find(arch, strlen(arch)));
    bool gemma = strcmp(arch, "gemma3") == 0;
    uint32_t layers = gemma ? 7 : 2;

    builder_tiny_keys(b, arch, layers);
    if (gemma)
        BUILDER_DEFAULT(b, builder_key_u32, "gemma3.attention.sliding_window", 8);
    if (rules->capped) {
        BUILDER_DEFAULT(b, builder_key_f32, "gemma2.attn_logit_softcapping", 50);
        BUILDER_DEFAULT(b, builder_key_f32, "gemma2.final_logit_softcapping", 30);
    }
    BUILDER_DEFAULT(b, builder_tensor, "token_embd.weight", QUANT_Q8_0, TINY_EMBD, TINY_VOCAB);
    for (uint32_t i = 0; i < layers; i++)
        builder_tiny_layer(b, arch, (int)i);
    BUILDER_DEFAULT(b, builder_tensor, "output_norm.weight", QUANT_F32, TINY_EMBD, 0);
    if (rules->layer_norms)
        BUILDER_DEFAULT(b, builder_tensor, "output_norm.bias", QUANT_F32, TINY_EMBD, 0);
    if (rules->long_rope) {
        BUILDER_DEFAULT(b, builder_tensor, "rope_factors_short.weight", QUANT_F32, TINY_HEAD / 2,
                        0);
        BUILDER_DEFAULT(b, builder_tensor, "rope_factors_long.weight", QUANT_F32, TINY_HEAD / 2, 0);
    }
    if (!gemma)
        BUILDER_DEFAULT(b, builder_tensor, "output.weight", QUANT_F16, TINY_EMBD, TINY_VOCAB);
    builder_finish(b);
}

#endif

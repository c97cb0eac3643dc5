/* SPDX-License-Identifier: MIT */
/* Shapes, metadata and drawn weights of the models of `vkfi selftest`. */
#define _GNU_SOURCE /* memfd_create */
#include "cli/cli_selftest_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rng.h"
#include "model/gguf_write.h"
#include "shared/numerics.h"

#define SEED 20261130
#define BYTES 256 /* tokens of one byte come first */
#define MATRICES 7
#define TOKEN_TEXT 16

static const char *const MATRIX_NAMES[MATRICES] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                   "ffn_gate", "ffn_up", "ffn_down"};

struct shape {
    const char *arch, *about;
    uint32_t layers, embd, ff, heads, kv, head, vocab;
    float eps, base;
    uint32_t n_rows; /* layer l has the types of row l % n_rows */
    enum quant type[4][MATRICES], embedding, output;
    bool tied; /* no output matrix: the embedding's */
};

#define EACH(t)                                                                                    \
    {                                                                                              \
        t, t, t, t, t, t, t                                                                        \
    }
static const struct shape SHAPES[] = {
    [CLI_SELFTEST_LLAMA] = {.arch = "llama",
                            .about = "llama of 4 layers, all tensor types",
                            .layers = 4,
                            .embd = 256,
                            .ff = 512,
                            .heads = 4,
                            .kv = 2,
                            .head = 64,
                            .vocab = 320,
                            .eps = 1e-5f,
                            .base = 1e4f,
                            .n_rows = 4,
                            .type = {EACH(QUANT_Q4_1),
                                     {QUANT_F32, QUANT_F16, QUANT_BF16, QUANT_Q4_0, QUANT_Q5_0,
                                      QUANT_Q5_1, QUANT_Q8_0},
                                     {QUANT_Q4_K, QUANT_Q5_K, QUANT_Q6_K, QUANT_F16, QUANT_Q6_K,
                                      QUANT_Q4_K, QUANT_Q5_K},
                                     {QUANT_Q2_K, QUANT_Q3_K, QUANT_IQ4_NL, QUANT_IQ4_XS,
                                      QUANT_MXFP4, QUANT_Q3_K, QUANT_Q2_K}},
                            .embedding = QUANT_Q6_K,
                            .output = QUANT_Q8_0},
    [CLI_SELFTEST_QWEN2] = {.arch = "qwen2",
                            .about = "qwen2 of 2 layers, F16 and Q8_0",
                            .layers = 2,
                            .embd = 64,
                            .ff = 160,
                            .heads = 4,
                            .kv = 2,
                            .head = 16,
                            .vocab = 320,
                            .eps = 1e-6f,
                            .base = 1e6f,
                            .n_rows = 2,
                            .type = {EACH(QUANT_F16), EACH(QUANT_Q8_0)},
                            .embedding = QUANT_F16,
                            .output = QUANT_Q8_0},
    [CLI_SELFTEST_GEMMA3] = {.arch = "gemma3",
                             .about = "gemma3 of 7 layers, Q4_0 and Q5_1",
                             .layers = 7,
                             .embd = 64,
                             .ff = 96,
                             .heads = 2,
                             .kv = 1,
                             .head = 32,
                             .vocab = 320,
                             .eps = 1e-6f,
                             .base = 1e6f,
                             .n_rows = 2,
                             .type = {EACH(QUANT_Q4_0), EACH(QUANT_Q5_1)},
                             .embedding = QUANT_Q4_0,
                             .tied = true},
    [CLI_SELFTEST_SPEED] = {.arch = "llama",
                            .about = "the shape of SmolLM2-135M, Q4_1",
                            .layers = 30,
                            .embd = 576,
                            .ff = 1536,
                            .heads = 9,
                            .kv = 3,
                            .head = 64,
                            .vocab = 49152,
                            .eps = 1e-5f,
                            .base = 1e5f,
                            .n_rows = 1,
                            .type = {EACH(QUANT_Q4_1)},
                            .embedding = QUANT_Q4_1,
                            .tied = true},
};

const char *cli_selftest_model_about(enum cli_selftest_shape shape)
{
    return SHAPES[shape].about;
}

/* --- metadata --- */

static void put_number(struct gguf_write *w, const struct shape *s, const char *name,
                       uint32_t value)
{
    char key[96];
    snprintf(key, sizeof(key), "%s.%s", s->arch, name);
    gguf_write_uint(w, key, value);
}

static void put_real(struct gguf_write *w, const struct shape *s, const char *name, float value)
{
    char key[96];
    snprintf(key, sizeof(key), "%s.%s", s->arch, name);
    gguf_write_float(w, key, value);
}

static void put_sizes(struct gguf_write *w, const struct shape *s)
{
    gguf_write_text(w, "general.architecture", s->arch);
    gguf_write_text(w, "general.name", s->about);
    put_number(w, s, "context_length", 256);
    put_number(w, s, "embedding_length", s->embd);
    put_number(w, s, "block_count", s->layers);
    put_number(w, s, "feed_forward_length", s->ff);
    put_number(w, s, "attention.head_count", s->heads);
    put_number(w, s, "attention.head_count_kv", s->kv);
    put_real(w, s, "attention.layer_norm_rms_epsilon", s->eps);
    put_number(w, s, "rope.dimension_count", s->head);
    put_real(w, s, "rope.freq_base", s->base);
    put_number(w, s, "vocab_size", s->vocab);
    if (strcmp(s->arch, "gemma3") == 0) {
        put_number(w, s, "attention.key_length", s->head);
        put_number(w, s, "attention.value_length", s->head);
        put_number(w, s, "attention.sliding_window", 8);
    }
}

/* The byte as byte-level BPE writes it: printable ones unchanged, others from U+0100 on. */
static void put_byte_token(char out[TOKEN_TEXT], uint32_t byte, uint32_t *others)
{
    const bool plain = (byte >= 33 && byte < 127) || (byte >= 161 && byte < 256 && byte != 173);
    const uint32_t c = plain ? byte : 256 + (*others)++;
    if (c < 128)
        snprintf(out, TOKEN_TEXT, "%c", (int)c);
    else
        snprintf(out, TOKEN_TEXT, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
}

/* One token a byte, then an end and tokens that no text has. */
static enum status put_tokenizer(struct gguf_write *w, const struct shape *s)
{
    static const char *const merges[] = {"a b"};
    char(*text)[TOKEN_TEXT] = calloc(s->vocab, sizeof(*text));
    const char **token = calloc(s->vocab, sizeof(*token));
    int32_t *type = calloc(s->vocab, sizeof(*type));
    const bool enough = text && token && type;
    uint32_t others = 0;
    for (uint32_t i = 0; enough && i < s->vocab; i++) {
        if (i < BYTES)
            put_byte_token(text[i], i, &others);
        else
            snprintf(text[i], TOKEN_TEXT, "<|%u|>", i);
        token[i] = text[i];
        type[i] = i < BYTES ? 1 : 3;
    }
    gguf_write_text(w, "tokenizer.ggml.model", "gpt2");
    gguf_write_text(w, "tokenizer.ggml.pre", "default");
    if (enough) {
        gguf_write_texts(w, "tokenizer.ggml.tokens", token, s->vocab);
        gguf_write_ints(w, "tokenizer.ggml.token_type", type, s->vocab);
    } else {
        log_error("no memory for %u tokens", s->vocab);
    }
    gguf_write_texts(w, "tokenizer.ggml.merges", merges, 1);
    gguf_write_uint(w, "tokenizer.ggml.bos_token_id", BYTES);
    gguf_write_uint(w, "tokenizer.ggml.eos_token_id", BYTES);
    gguf_write_bool(w, "tokenizer.ggml.add_bos_token", false);
    free(text);
    free(token);
    free(type);
    return enough ? STATUS_OK : STATUS_MEMORY;
}

/* --- weights, by exact operations alone --- */

struct drawer {
    struct gguf_write *w;
    struct rng rng;
};

static void put_half(struct text *out, double value)
{
    const uint16_t bits = (uint16_t)nm_f32_to_f16(lang_bits((float)value));
    text_add(out, (const char *)&bits, sizeof(bits));
}

static void put_random(struct drawer *d, size_t bytes)
{
    for (; bytes >= sizeof(uint32_t); bytes -= sizeof(uint32_t)) {
        const uint32_t word = rng_u32(&d->rng);
        text_add(&d->w->data, (const char *)&word, sizeof(word));
    }
    const uint32_t word = bytes > 0 ? rng_u32(&d->rng) : 0;
    text_add(&d->w->data, (const char *)&word, bytes);
}

/* Uniform about `middle`, of standard deviation `size`. */
static float draw(struct drawer *d, double middle, double size)
{
    return (float)(middle + size * 1.732 * (2 * rng_unit(&d->rng) - 1));
}

/* The scale of a block of weights of standard deviation 1 / unit, whose codes are uniform, and its
 * minimum as a multiple of that. Sub-scales are uniform too: of six bits about 32, signed ones
 * about 0. */
static const struct scaling {
    double unit, min;
    bool last; /* after the codes */
} SCALINGS[QUANT_COUNT] = {
    [QUANT_Q4_0] = {4.6, 0, false},
    [QUANT_Q4_1] = {4.6, -7.5, false},
    [QUANT_Q5_0] = {9.2, 0, false},
    [QUANT_Q5_1] = {9.2, -15.5, false},
    [QUANT_Q8_0] = {74, 0, false},
    [QUANT_Q2_K] = {13.9, 1.5, true},
    [QUANT_Q3_K] = {2.35 * 18.5, 0, true},
    [QUANT_Q4_K] = {37 * 4.6, 4.6 * 1.6, false},
    [QUANT_Q5_K] = {37 * 9.2, 9.2 * 1.6, false},
    [QUANT_Q6_K] = {74 * 18.5, 0, true},
    [QUANT_IQ4_NL] = {67.4, 0, false},
    [QUANT_IQ4_XS] = {67.4 * 18.5, 0, false},
};

static void put_scales(struct text *out, const struct scaling *s, double size)
{
    put_half(out, size / s->unit);
    if (s->min != 0)
        put_half(out, s->min * (size / s->unit));
}

/* A block of weights of standard deviation `size`; its codes are uniform. */
static void put_block(struct drawer *d, enum quant type, double size)
{
    const struct scaling *s = &SCALINGS[type];
    const size_t rest = quant_block_bytes(type) - (s->min != 0 ? 4 : 2);
    struct text *out = &d->w->data;
    if (type == QUANT_MXFP4) { /* numbers of twice FP4 are about 5.9 */
        const uint32_t exponent = lang_bits((float)size) >> 23;
        text_add(out, (const char[]){(char)(exponent - 2 + rng_below(&d->rng, 2))}, 1);
        put_random(d, rest + 1);
        return;
    }
    if (!s->last)
        put_scales(out, s, size);
    put_random(d, rest);
    if (s->last)
        put_scales(out, s, size);
}

static void put_value(struct text *out, enum quant type, float value)
{
    const uint32_t bits = lang_bits(value);
    const uint16_t half = (uint16_t)(type == QUANT_BF16 ? bits >> 16 : nm_f32_to_f16(bits));
    if (type == QUANT_F32)
        text_add(out, (const char *)&bits, sizeof(bits));
    else
        text_add(out, (const char *)&half, sizeof(half));
}

/* Weights of a matrix, so that rows keep the size of what they multiply. */
static void put_matrix(struct drawer *d, const char *name, const struct gguf_write_shape *shape)
{
    const uint64_t blocks =
        (uint64_t)shape->width / quant_block_elements(shape->type) * shape->rows;
    /* About 1 / sqrt(width), by powers of two: the C library's sqrt need not be anybody else's. */
    double size = 1;
    while (size * size * shape->width > 1)
        size /= 2;
    gguf_write_tensor(d->w, name, shape);
    for (uint64_t i = 0; i < blocks; i++) {
        if (quant_block_elements(shape->type) == 1)
            put_value(&d->w->data, shape->type, draw(d, 0, size));
        else
            put_block(d, shape->type, size);
    }
}

/* Gains about 1, biases about 0. */
static void put_vector(struct drawer *d, const char *name, uint32_t width, double middle)
{
    gguf_write_tensor(d->w, name, &(struct gguf_write_shape){.type = QUANT_F32, .width = width});
    for (uint32_t i = 0; i < width; i++)
        put_value(&d->w->data, QUANT_F32, draw(d, middle, 0.1));
}

static void put_vectors(struct drawer *d, const struct shape *s, uint32_t layer)
{
    const uint32_t q = s->heads * s->head, kv = s->kv * s->head;
    const bool gemma = strcmp(s->arch, "gemma3") == 0, qwen = strcmp(s->arch, "qwen2") == 0;
    const struct {
        const char *name;
        uint32_t width;
        double middle;
        bool has;
    } vectors[] = {
        {"attn_norm.weight", s->embd, 1, true},
        {"ffn_norm.weight", s->embd, 1, true},
        {"post_attention_norm.weight", s->embd, 1, gemma},
        {"post_ffw_norm.weight", s->embd, 1, gemma},
        {"attn_q_norm.weight", s->head, 1, gemma},
        {"attn_k_norm.weight", s->head, 1, gemma},
        {"attn_q.bias", q, 0, qwen},
        {"attn_k.bias", kv, 0, qwen},
        {"attn_v.bias", kv, 0, qwen},
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        char name[64];
        snprintf(name, sizeof(name), "blk.%u.%s", layer, vectors[i].name);
        if (vectors[i].has)
            put_vector(d, name, vectors[i].width, vectors[i].middle);
    }
}

static void put_layer(struct drawer *d, const struct shape *s, uint32_t layer)
{
    const uint32_t q = s->heads * s->head, kv = s->kv * s->head;
    const uint32_t width[MATRICES] = {s->embd, s->embd, s->embd, q, s->embd, s->embd, s->ff};
    const uint32_t rows[MATRICES] = {q, kv, kv, s->embd, s->ff, s->ff, s->embd};
    for (int m = 0; m < MATRICES; m++) {
        char name[64];
        snprintf(name, sizeof(name), "blk.%u.%s.weight", layer, MATRIX_NAMES[m]);
        put_matrix(d, name,
                   &(struct gguf_write_shape){s->type[layer % s->n_rows][m], width[m], rows[m]});
    }
    put_vectors(d, s, layer);
}

static enum status build(struct gguf_write *w, const struct shape *s)
{
    struct drawer d = {.w = w};
    const enum status st = put_tokenizer(w, s);
    put_sizes(w, s);
    rng_init(&d.rng, SEED, (uint64_t)(s - SHAPES));
    put_matrix(&d, "token_embd.weight",
               &(struct gguf_write_shape){s->embedding, s->embd, s->vocab});
    put_vector(&d, "output_norm.weight", s->embd, 1);
    if (!s->tied)
        put_matrix(&d, "output.weight", &(struct gguf_write_shape){s->output, s->embd, s->vocab});
    for (uint32_t layer = 0; layer < s->layers; layer++)
        put_layer(&d, s, layer);
    return st;
}

/* --- the file --- */

enum status cli_selftest_model_init(struct cli_selftest_model *out, enum cli_selftest_shape shape)
{
    struct gguf_write w = {0};
    *out = (struct cli_selftest_model){.file = memfd_create("vkfi-selftest", MFD_CLOEXEC)};
    FILE *file = out->file >= 0 ? fdopen(dup(out->file), "wb") : NULL;
    if (!file) {
        log_error("cannot make a file in memory: %s", strerror(errno));
        cli_selftest_model_finish(out);
        return STATUS_IO;
    }
    snprintf(out->path, sizeof(out->path), "/proc/self/fd/%d", out->file);
    enum status st = build(&w, &SHAPES[shape]);
    st = st ? st : gguf_write_end(&w, file, "the model of the self-test");
    gguf_write_finish(&w);
    fclose(file);
    if (st)
        cli_selftest_model_finish(out);
    return st;
}

void cli_selftest_model_finish(struct cli_selftest_model *model)
{
    if (model->file >= 0)
        close(model->file);
    model->file = -1;
}

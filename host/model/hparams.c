/* SPDX-License-Identifier: MIT */
/* Reads a model's sizes from its metadata and adds what its architecture implies. */
#include "model/hparams.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "model/keys.h"

/* Angles of rope tables stay where dmath reduces them exactly; token ids are exact as floats. */
#define HPARAMS_CTX_MAX (1u << 20)
#define HPARAMS_VOCAB_MAX ((1u << 24) - 1)
#define HPARAMS_HEADS_WIDTH_MAX 65536
#define HPARAMS_EXPERTS_MAX 1024 /* ranks are counted, one by one */
#define HPARAMS_USED_MAX 32      /* a sum over them is one block */
#define HPARAMS_FF_MAX (1u << 20)

struct reader {
    const struct gguf *gguf;
    const char *arch;
    char key[96];
};

const char *hparams_arch_name(enum arch arch)
{
    return arch_rules(arch)->name;
}

/* The full key of a suffix; valid until the next call. */
static const char *key_of(struct reader *r, const char *suffix)
{
    snprintf(r->key, sizeof(r->key), "%s.%s", r->arch, suffix);
    return r->key;
}

static enum status read_arch(const struct gguf *gguf, enum arch *out)
{
    const char *name;
    char known[ARCH_LIST_SIZE];
    size_t len;
    enum status st = gguf_text(gguf, "general.architecture", &name, &len);

    if (st)
        return st;
    *out = arch_find(name, len);
    if (*out != ARCH_COUNT)
        return STATUS_OK;
    log_error("%s: key 'general.architecture': architecture '%.*s' is not supported (%s are)",
              gguf_path(gguf), 64, name, arch_list(known));
    return STATUS_INPUT;
}

/* An integer in [min, max]. */
static enum status read_uint(struct reader *r, const char *suffix, uint32_t min, uint32_t max,
                             uint32_t *out)
{
    uint64_t value;
    enum status st = gguf_uint(r->gguf, key_of(r, suffix), max, &value);

    if (st)
        return st;
    if (value < min) {
        log_error("%s: key '%s': found %" PRIu64 ", expected %" PRIu32 " to %" PRIu32,
                  gguf_path(r->gguf), r->key, value, min, max);
        return STATUS_INPUT;
    }
    *out = (uint32_t)value;
    return STATUS_OK;
}

/* The same, `fallback` if the key is absent. */
static enum status read_uint_or(struct reader *r, const char *suffix, uint32_t max,
                                uint32_t fallback, uint32_t *out)
{
    *out = fallback;
    return gguf_has(r->gguf, key_of(r, suffix)) ? read_uint(r, suffix, 0, max, out) : STATUS_OK;
}

/* A finite float above `min` (exclusive), `fallback` if the key is absent and that is not 0. */
static enum status read_real(struct reader *r, const char *suffix, double min, double fallback,
                             double *out)
{
    enum status st;

    *out = fallback;
    if (fallback != 0 && !gguf_has(r->gguf, key_of(r, suffix)))
        return STATUS_OK;
    st = gguf_float(r->gguf, key_of(r, suffix), out);
    if (!st && !(*out > min && *out <= (double)FLT_MAX)) {
        log_error("%s: key '%s': found %g, expected a finite number above %g", gguf_path(r->gguf),
                  r->key, *out, min);
        st = STATUS_INPUT;
    }
    return st;
}

static enum status read_sizes(struct reader *r, struct hparams *hp)
{
    static const struct {
        const char *suffix;
        uint32_t max;
        size_t offset;
    } sizes[] = {
        {"block_count", 512, offsetof(struct hparams, n_layers)},
        {"embedding_length", 65536, offsetof(struct hparams, n_embd)},
        {"feed_forward_length", HPARAMS_FF_MAX, offsetof(struct hparams, n_ff)},
        {"attention.head_count", 1024, offsetof(struct hparams, n_head)},
        {"context_length", UINT32_MAX, offsetof(struct hparams, n_ctx)},
    };
    enum status st = STATUS_OK;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !st; i++)
        st = read_uint(r, sizes[i].suffix, 1, sizes[i].max,
                       (uint32_t *)((char *)hp + sizes[i].offset));
    if (!st && hp->n_ctx > HPARAMS_CTX_MAX) {
        log_warn("%s: key '%s': found %" PRIu32 ", taken as %u", gguf_path(r->gguf),
                 key_of(r, "context_length"), hp->n_ctx, HPARAMS_CTX_MAX);
        hp->n_ctx = HPARAMS_CTX_MAX;
    }
    return st;
}

/* Widths of the experts of a token, and of the one that all use. */
static enum status read_expert_widths(struct reader *r, struct hparams *hp)
{
    const bool shared = arch_rules(hp->arch)->shared;
    enum status st =
        read_uint_or(r, "expert_feed_forward_length", HPARAMS_FF_MAX, hp->n_ff, &hp->n_ff_exp);

    if (!st && (hp->n_ff_exp == 0 || (uint64_t)hp->n_used * hp->n_ff_exp > HPARAMS_FF_MAX ||
                (uint64_t)hp->n_used * hp->n_embd > HPARAMS_FF_MAX)) {
        log_error("%s: key '%s': found %" PRIu32 " for each of %" PRIu32
                  " experts, expected 1 to %u for all that a token uses",
                  gguf_path(r->gguf), key_of(r, "expert_feed_forward_length"), hp->n_ff_exp,
                  hp->n_used, HPARAMS_FF_MAX);
        st = STATUS_INPUT;
    }
    hp->n_ff = 0;
    if (!st && shared)
        st = read_uint(r, "expert_shared_feed_forward_length", 1, HPARAMS_FF_MAX, &hp->n_ff);
    return st;
}

static enum status read_experts(struct reader *r, struct hparams *hp)
{
    const struct arch_rules *rules = arch_rules(hp->arch);
    enum status st = STATUS_OK;

    if (rules->only_experts)
        st = read_uint(r, "expert_count", 1, HPARAMS_EXPERTS_MAX, &hp->n_expert);
    else if (rules->experts)
        st = read_uint_or(r, "expert_count", HPARAMS_EXPERTS_MAX, 0, &hp->n_expert);
    if (st || hp->n_expert == 0)
        return st;
    st = read_uint(r, "expert_used_count", 1,
                   hp->n_expert < HPARAMS_USED_MAX ? hp->n_expert : HPARAMS_USED_MAX, &hp->n_used);
    hp->used_norm = !rules->raw_weights;
    if (!st && gguf_has(r->gguf, key_of(r, "expert_weights_norm")))
        st = gguf_bool(r->gguf, r->key, &hp->used_norm);
    return st ? st : read_expert_widths(r, hp);
}

static enum status read_heads(struct reader *r, struct hparams *hp)
{
    const char *path = gguf_path(r->gguf);
    uint32_t value_length;
    enum status st = read_uint_or(r, "attention.head_count_kv", 1024, hp->n_head, &hp->n_head_kv);

    if (st)
        return st;
    if (hp->n_head_kv == 0 || hp->n_head % hp->n_head_kv != 0) {
        log_error("%s: key '%s': found %" PRIu32 ", expected a divisor of the %" PRIu32
                  " query heads",
                  path, r->key, hp->n_head_kv, hp->n_head);
        return STATUS_INPUT;
    }
    if (!gguf_has(r->gguf, key_of(r, "attention.key_length")) && hp->n_embd % hp->n_head != 0) {
        log_error("%s: key '%s': found nothing, expected it: %" PRIu32
                  " features do not divide by %" PRIu32 " heads",
                  path, r->key, hp->n_embd, hp->n_head);
        return STATUS_INPUT;
    }
    st = read_uint_or(r, "attention.key_length", 1024, hp->n_embd / hp->n_head, &hp->head_dim);
    if (st)
        return st;
    if (hp->head_dim == 0 || hp->head_dim % 2 != 0 ||
        hp->n_head * hp->head_dim > HPARAMS_HEADS_WIDTH_MAX) {
        log_error("%s: key '%s': found a head of %" PRIu32 " features, expected an even number, "
                  "and at most %d features in all %" PRIu32 " heads",
                  path, key_of(r, "attention.key_length"), hp->head_dim, HPARAMS_HEADS_WIDTH_MAX,
                  hp->n_head);
        return STATUS_INPUT;
    }
    st = read_uint_or(r, "attention.value_length", UINT32_MAX, hp->n_embd / hp->n_head,
                      &value_length);
    if (!st && value_length != hp->head_dim) {
        log_error("%s: key '%s': found %" PRIu32 ", expected %" PRIu32
                  ": values of another length than keys are not supported",
                  path, key_of(r, "attention.value_length"), value_length, hp->head_dim);
        st = STATUS_INPUT;
    }
    return st;
}

/* Frequency scale of the global layers: rope.scaling.* (rope.scale_linear in old files); 1 beside
 * `factors` for short and long contexts. */
static enum status read_rope_scale(struct reader *r, bool factors, double *out)
{
    const char *type = "linear";
    size_t len = strlen(type);
    double factor = 1;
    enum status st = STATUS_OK;

    *out = 1;
    if (gguf_has(r->gguf, key_of(r, "rope.scaling.type")))
        st = gguf_text(r->gguf, r->key, &type, &len);
    if (!st && (gguf_has(r->gguf, key_of(r, "rope.scaling.factor")) ||
                gguf_has(r->gguf, key_of(r, "rope.scale_linear"))))
        st = gguf_float(r->gguf, r->key, &factor);
    if (st)
        return st;
    if (factor == 0)
        factor = 1; /* converters write it for "none" */
    if (!(factor > 0 && factor <= 1e6)) {
        log_error("%s: key '%s': found %g, expected a factor above 0, at most 1e6",
                  gguf_path(r->gguf), r->key, factor);
        return STATUS_INPUT;
    }
    if ((len == 4 && memcmp(type, "none", len) == 0) ||
        (factors && len == 8 && memcmp(type, "longrope", len) == 0))
        return STATUS_OK;
    if (len == 6 && memcmp(type, "linear", len) == 0) {
        *out = 1 / factor;
        return STATUS_OK;
    }
    if (factor == 1)
        return STATUS_OK;
    log_error("%s: key '%s': rope scaling '%.*s' is not supported (none and linear are)",
              gguf_path(r->gguf), key_of(r, "rope.scaling.type"), 64, type);
    return STATUS_INPUT;
}

/* Which factors are right depends on the length that a text will have. Contexts end where those for
 * long ones begin, so that a token's bits depend on nothing after it. */
static enum status read_short_context(struct reader *r, struct hparams *hp)
{
    uint32_t original;
    enum status st =
        read_uint_or(r, "rope.scaling.original_context_length", UINT32_MAX, hp->n_ctx, &original);

    if (!st && original != 0 && original < hp->n_ctx) {
        log_warn("%s: key '%s': found %" PRIu32 ", taken as %" PRIu32
                 ": RoPE factors for longer contexts are not supported",
                 gguf_path(r->gguf), key_of(r, "context_length"), hp->n_ctx, original);
        hp->n_ctx = original;
    }
    return st;
}

static enum status read_rope(struct reader *r, struct hparams *hp)
{
    const bool factors =
        arch_rules(hp->arch)->long_rope && gguf_tensor(r->gguf, "rope_factors_short.weight");
    enum status st =
        read_uint_or(r, "rope.dimension_count", UINT32_MAX, hp->head_dim, &hp->rope_dim);

    if (st)
        return st;
    if (hp->rope_dim == 0 || hp->rope_dim % 2 != 0 || hp->rope_dim > hp->head_dim) {
        log_error("%s: key '%s': found %" PRIu32 ", expected an even number from 2 to %" PRIu32,
                  gguf_path(r->gguf), r->key, hp->rope_dim, hp->head_dim);
        return STATUS_INPUT;
    }
    hp->rope_neox = arch_rules(hp->arch)->rope_neox;
    st = read_real(r, "rope.freq_base", 1, arch_rules(hp->arch)->base_needed ? 0 : 10000,
                   &hp->rope_base[0]);
    if (!st)
        st = read_rope_scale(r, factors, &hp->rope_scale[0]);
    if (!st && factors)
        st = read_short_context(r, hp);
    if (!st)
        st = read_real(r, "rope.scaling.attn_factor", 0, 1, &hp->rope_magnitude);
    hp->rope_tables = 1;
    hp->rope_base[1] = hp->rope_base[0];
    hp->rope_scale[1] = hp->rope_scale[0];
    return st;
}

static enum status read_window(struct reader *r, struct hparams *hp)
{
    const struct arch_rules *rules = arch_rules(hp->arch);
    uint32_t window;
    enum status st = read_uint_or(r, "attention.sliding_window", UINT32_MAX, 0, &window);

    if (st || window == 0)
        return st;
    /* A window as long as the context hides nothing. */
    if (window >= hp->n_ctx && rules->window_base == 0)
        return STATUS_OK;
    if (rules->window_period == 0) {
        log_error("%s: key '%s': found %" PRIu32
                  ", expected none: a sliding window is not supported for '%s'",
                  gguf_path(r->gguf), r->key, window, r->arch);
        return STATUS_INPUT;
    }
    hp->window = window;
    if (rules->window_base != 0)
        hp->rope_scale[1] = 1;
    st = read_uint_or(r, "attention.sliding_window_pattern", 1024, rules->window_period,
                      &hp->window_period);
    if (!st)
        st = read_real(r, "rope.freq_base_swa", 1,
                       rules->window_base != 0 ? rules->window_base : hp->rope_base[0],
                       &hp->rope_base[1]);
    if (hp->window_period == ARCH_NO_GLOBAL)
        hp->rope_base[0] = hp->rope_base[1];
    if (rules->window_base != 0 || hp->rope_base[0] != hp->rope_base[1])
        hp->rope_tables = hp->window_period != 0 ? 2 : 1;
    return st;
}

static enum status read_epsilon(struct reader *r, struct hparams *hp)
{
    double epsilon = 0;
    const char *key = arch_rules(hp->arch)->layer_norms ? "attention.layer_norm_epsilon"
                                                        : "attention.layer_norm_rms_epsilon";
    const enum status st = read_real(r, key, 1e-37, 0, &epsilon);

    hp->norm_eps = (float)epsilon;
    return st;
}

/* Readers take other limits where a file names none. */
static enum status read_caps(struct reader *r, struct hparams *hp)
{
    double scores = 0, logits = 0;
    enum status st = STATUS_OK;

    if (arch_rules(hp->arch)->capped) {
        st = read_real(r, "attn_logit_softcapping", 1e-3, 0, &scores);
        st = st ? st : read_real(r, "final_logit_softcapping", 1e-3, 0, &logits);
    }
    hp->score_cap = (float)scores;
    hp->logit_cap = (float)logits;
    return st;
}

static enum status read_vocabulary(struct reader *r, struct hparams *hp)
{
    const char *path = gguf_path(r->gguf);
    const struct tensor *embd = gguf_tensor(r->gguf, "token_embd.weight");
    struct gguf_texts tokens;
    enum status st = STATUS_OK;

    if (!embd || embd->dim[1] > HPARAMS_VOCAB_MAX) {
        log_error("%s: tensor 'token_embd.weight': found %s, expected one row for each of at most "
                  "%u tokens",
                  path, embd ? "more rows" : "nothing", HPARAMS_VOCAB_MAX);
        return STATUS_INPUT;
    }
    hp->n_vocab = (uint32_t)embd->dim[1];
    if (!gguf_has(r->gguf, "tokenizer.ggml.tokens"))
        return STATUS_OK;
    st = gguf_texts(r->gguf, "tokenizer.ggml.tokens", &tokens);
    if (!st && tokens.count != hp->n_vocab) {
        log_error("%s: key 'tokenizer.ggml.tokens': found %" PRIu64 " tokens, expected %" PRIu32
                  ", the rows of tensor 'token_embd.weight'",
                  path, tokens.count, hp->n_vocab);
        st = STATUS_INPUT;
    }
    return st;
}

/* Constants that follow from the architecture and the sizes. */
static void set_conventions(struct hparams *hp)
{
    const struct arch_rules *rules = arch_rules(hp->arch);
    double width = hp->head_dim;

    hp->activation = rules->activation;
    hp->embd_scale = rules->scaled_embd ? (float)sqrt(hp->n_embd) : 0;
    /* The largest model of a family scales by a head's width without key_length; no key says so. */
    if (hp->n_layers == rules->wide_q_layers)
        width = (double)hp->n_embd / hp->n_head;
    hp->q_scale = (float)(1 / sqrt(width));
}

enum status hparams_read(struct hparams *out, const struct gguf *gguf)
{
    /* In this order: each needs what those before it have read. */
    static enum status (*const parts[])(struct reader *, struct hparams *) = {
        read_sizes,  read_experts, read_heads, read_rope,
        read_window, read_epsilon, read_caps,  read_vocabulary};
    struct reader r = {.gguf = gguf};
    struct hparams hp = {0};
    enum status st = keys_check_split(gguf);

    if (!st)
        st = read_arch(gguf, &hp.arch);
    if (st)
        return st;
    r.arch = hparams_arch_name(hp.arch);
    st = keys_check(gguf, hp.arch);
    for (size_t i = 0; !st && i < sizeof(parts) / sizeof(*parts); i++)
        st = parts[i](&r, &hp);
    if (st)
        return st;
    set_conventions(&hp);
    *out = hp;
    return STATUS_OK;
}

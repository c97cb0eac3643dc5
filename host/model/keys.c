/* SPDX-License-Identifier: MIT */
/* The table of keys (names: llama.cpp, LLM_KV_NAMES, and gguf-py's constants), and its check. */
#include "model/keys.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define ENTRY(name, verdict, used_by, what, a, b)                                                  \
    {                                                                                              \
        name, verdict, used_by, what, {a, b}, NULL                                                 \
    }
#define USED(name) ENTRY(name, KEYS_USED, 0, NULL, NAN, NAN)
#define IRRELEVANT(name) ENTRY(name, KEYS_IRRELEVANT, 0, NULL, NAN, NAN)
#define USED_BY(archs, name) ENTRY(name, KEYS_IRRELEVANT, archs, NULL, NAN, NAN)
#define REFUSED(name, what, a, b) ENTRY(name, KEYS_REFUSED, 0, what, a, b)
#define NEVER(name, what) REFUSED(name, what, NAN, NAN)
#define NOT_ZERO(name, what) REFUSED(name, what, 0, 0)
#define NOT_ONE(name, what) REFUSED(name, what, 1, 0) /* 0: none, as converters write */

#define EXPERTS (ARCH_BIT(ARCH_LLAMA) | ARCH_BIT(ARCH_QWEN2MOE) | ARCH_BIT(ARCH_QWEN3MOE))
#define WINDOWED                                                                                   \
    (ARCH_BIT(ARCH_LLAMA) | ARCH_BIT(ARCH_GEMMA2) | ARCH_BIT(ARCH_GEMMA3) | ARCH_BIT(ARCH_PHI3))

static const struct keys_entry table[] = {
    USED("block_count"),
    USED("context_length"),
    USED("embedding_length"),
    USED("feed_forward_length"),
    USED("attention.head_count"),
    USED("attention.head_count_kv"),
    USED("attention.key_length"),
    USED("attention.value_length"),
    USED_BY(~ARCH_BIT(ARCH_FALCON), "attention.layer_norm_rms_epsilon"),
    USED_BY(ARCH_BIT(ARCH_FALCON), "attention.layer_norm_epsilon"),
    USED("attention.sliding_window"),
    USED_BY(WINDOWED, "attention.sliding_window_pattern"),
    USED("rope.dimension_count"),
    USED("rope.freq_base"),
    USED_BY(WINDOWED, "rope.freq_base_swa"),
    USED("rope.scale_linear"),
    USED("rope.scaling.type"),
    USED("rope.scaling.factor"),
    USED("rope.scaling.attn_factor"),

    IRRELEVANT("vocab_size"), /* the rows of the embedding matrix decide */
    IRRELEVANT("tensor_data_layout"),
    IRRELEVANT("pooling_type"), /* of embeddings, which are not computed here */
    IRRELEVANT("rope.scaling.finetuned"),
    /* Of YaRN, which is refused; of factors for long contexts. */
    USED_BY(ARCH_BIT(ARCH_PHI3), "rope.scaling.original_context_length"),
    IRRELEVANT("rope.scaling.yarn_beta_fast"),
    IRRELEVANT("rope.scaling.yarn_beta_slow"),

    ENTRY("expert_count", KEYS_REFUSED, EXPERTS, "a mixture of experts", 0, 0),
    USED_BY(EXPERTS, "expert_used_count"), /* this and the next mean nothing without experts */
    USED_BY(EXPERTS, "expert_feed_forward_length"),
    USED_BY(ARCH_BIT(ARCH_QWEN2MOE), "expert_shared_feed_forward_length"),
    USED_BY(EXPERTS, "expert_weights_norm"),
    IRRELEVANT("expert_shared_count"), /* they are one matrix, whose width says enough */
    NOT_ONE("expert_weights_scale", "a factor on the weights of experts"),
    NOT_ONE("expert_gating_func", "another function than softmax"),
    NOT_ONE("expert_group_count", "groups of experts"),
    NOT_ONE("expert_group_used_count", "groups of experts"),
    NOT_ONE("expert_group_scale", "groups of experts"),
    NOT_ZERO("experts_per_group", "groups of experts"),
    NOT_ZERO("expert_chunk_feed_forward_length", "experts in chunks"),
    NOT_ONE("moe_every_n_layers", "layers with and without experts"),
    NOT_ONE("interleave_moe_layer_step", "layers with and without experts"),
    NOT_ZERO("leading_dense_block_count", "layers with and without experts"),
    NOT_ZERO("moe_latent_size", "experts of a latent input"),
    NOT_ZERO("router_logit_softcapping", "a cap of router logits"),
    NOT_ZERO("swiglu_clamp_exp", "a clamped activation"),
    NOT_ZERO("swiglu_clamp_shexp", "a clamped activation"),

    ENTRY("attn_logit_softcapping", KEYS_REFUSED, ARCH_BIT(ARCH_GEMMA2),
          "a cap of attention scores", 0, 0),
    ENTRY("final_logit_softcapping", KEYS_REFUSED, ARCH_BIT(ARCH_GEMMA2), "a cap of logits", 0, 0),
    NOT_ONE("logit_scale", "a factor on logits"),
    NOT_ONE("residual_scale", "a factor on the residual"),
    NOT_ONE("embedding_scale", "a factor on embeddings"),
    NOT_ZERO("embedding_length_out", "an output of another width"),
    NOT_ZERO("embedding_length_per_layer_input", "embeddings a layer"),
    NOT_ZERO("features_length", "features as input"),
    NOT_ZERO("use_parallel_residual", "a parallel residual"),
    NEVER("hidden_activation", "another activation"),
    NOT_ZERO("nextn_predict_layers", "prediction of later tokens"),
    NOT_ZERO("n_deepstack_layers", "deepstack"),
    NEVER("deepstack_mapping", "deepstack"),
    NEVER("decoder_start_token_id", "an encoder"),
    NOT_ZERO("decoder_block_count", "an encoder"),
    NOT_ZERO("swin_norm", "another norm"),
    NOT_ZERO("norm_before_residual", "another norm"),
    NOT_ZERO("rescale_every_n_layers", "rescaled layers"),
    NOT_ZERO("time_mix_extra_dim", "recurrence"),
    NOT_ZERO("time_decay_extra_dim", "recurrence"),
    NOT_ZERO("token_shift_count", "recurrence"),
    NOT_ZERO("full_attention_interval", "recurrence"),
    NOT_ZERO("hash_layer_count", "layers by hash"),
    NEVER("target_layers", "a draft model"),
    NEVER("target_hidden_size", "a draft model"),
    NEVER("classifier.*", "a classifier"),
    NEVER("dense_2_feat_in", "a dense layer after the model"),
    NEVER("dense_2_feat_out", "a dense layer after the model"),
    NEVER("dense_3_feat_in", "a dense layer after the model"),
    NEVER("dense_3_feat_out", "a dense layer after the model"),
    NEVER("hyper_connection.*", "hyper-connections"),
    NEVER("ssm.*", "a state space model"),
    NEVER("kda.*", "linear attention"),
    NEVER("wkv.*", "recurrence"),
    NEVER("posnet.*", "a vocoder"),
    NEVER("convnext.*", "a vocoder"),
    NEVER("shortconv.*", "a convolution"),

    REFUSED("attention.causal", "attention to later positions", 1, 1),
    NOT_ZERO("attention.scale", "another scale of attention scores"),
    NOT_ONE("attention.output_scale", "a factor on attention's output"),
    NOT_ONE("attention.value_scale", "a factor on values"),
    NOT_ZERO("attention.clamp_kqv", "clamped projections"),
    NOT_ZERO("attention.max_alibi_bias", "ALiBi"),
    NOT_ZERO("attention.temperature_length", "a temperature of attention"),
    NOT_ZERO("attention.temperature_scale", "a temperature of attention"),
    NOT_ZERO("attention.group_norm_epsilon", "a group norm"),
    NOT_ZERO("attention.group_norm_groups", "a group norm"),
    NOT_ZERO("attention.q_lora_rank", "projections of low rank"),
    NOT_ZERO("attention.kv_lora_rank", "projections of low rank"),
    NOT_ZERO("attention.output_lora_rank", "projections of low rank"),
    NOT_ZERO("attention.decay_lora_rank", "recurrence"),
    NOT_ZERO("attention.iclr_lora_rank", "recurrence"),
    NOT_ZERO("attention.value_residual_mix_lora_rank", "recurrence"),
    NOT_ZERO("attention.gate_lora_rank", "recurrence"),
    NEVER("attention.recurrent_layers", "recurrence"),
    NOT_ZERO("attention.relative_buckets_count", "relative positions"),
    NEVER("attention.key_length_mla", "multi-head latent attention"),
    NEVER("attention.value_length_mla", "multi-head latent attention"),
    NEVER("attention.key_length_swa", "heads of another width in windowed layers"),
    NEVER("attention.value_length_swa", "heads of another width in windowed layers"),
    NOT_ZERO("attention.shared_kv_layers", "layers that share keys and values"),
    NOT_ZERO("attention.output_group_count", "a grouped output"),
    NEVER("attention.indexer.*", "sparse attention"),
    NEVER("attention.compress_ratios", "sparse attention"),
    NEVER("attention.compress_rope_freq_base", "sparse attention"),

    NEVER("rope.dimension_count_swa", "another RoPE width in windowed layers"),
    NOT_ZERO("rope.dimension_sections", "RoPE in sections"),
    NOT_ZERO("rope.scaling.alpha", "RoPE scaled by alpha"),
    NOT_ZERO("rope.scaling.yarn_log_multiplier", "YaRN"),
    NOT_ZERO("rope.scaling.yarn_ext_factor", "YaRN"),
    NOT_ONE("rope.scaling.yarn_attn_factor", "YaRN"),

    {"general.type", KEYS_REFUSED, 0, "a file that is no model", {NAN, NAN}, "model"},
    NEVER("adapter.*", "an adapter"),
    NEVER("xielu.*", "another activation"),
    NEVER("tokenizer.ggml.suppress_tokens", "tokens that are never generated"),
    NOT_ZERO("tokenizer.ggml.normalizer.lowercase", "a tokenizer that changes its text"),
    NOT_ZERO("tokenizer.ggml.normalizer.strip_accents", "a tokenizer that changes its text"),
};

const struct keys_entry *keys_table(size_t *out_count)
{
    *out_count = sizeof(table) / sizeof(table[0]);
    return table;
}

static bool matches(const char *pattern, const char *name)
{
    const size_t len = strlen(pattern);

    return pattern[len - 1] == '*' ? strncmp(pattern, name, len - 1) == 0
                                   : strcmp(pattern, name) == 0;
}

static const struct keys_entry *find(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (matches(table[i].name, name))
            return &table[i];
    }
    return NULL;
}

static bool says_none(const struct gguf *gguf, const char *key, const struct keys_entry *entry)
{
    if (entry->neutral_text)
        return gguf_is_text(gguf, key, entry->neutral_text);
    return gguf_is_number(gguf, key, entry->neutral[0]) ||
           gguf_is_number(gguf, key, entry->neutral[1]);
}

static enum status check_refused(const struct gguf *gguf, const char *key,
                                 const struct keys_entry *entry)
{
    char found[GGUF_TEXT_OF], expected[32] = "none";

    if (says_none(gguf, key, entry))
        return STATUS_OK;
    if (entry->neutral_text)
        snprintf(expected, sizeof(expected), "'%s'", entry->neutral_text);
    else if (!isnan(entry->neutral[0]))
        snprintf(expected, sizeof(expected), "%g", entry->neutral[0]);
    log_error("%s: key '%s': found %s, expected %s: %s is not supported", gguf_path(gguf), key,
              gguf_text_of(found, gguf, key), expected, entry->what);
    return STATUS_INPUT;
}

enum status keys_check_split(const struct gguf *gguf)
{
    uint64_t count = 1, no = 0;
    enum status st = STATUS_OK;

    if (gguf_has(gguf, "split.count"))
        st = gguf_uint(gguf, "split.count", UINT16_MAX, &count);
    if (!st && count > 1 && gguf_has(gguf, "split.no"))
        st = gguf_uint(gguf, "split.no", count - 1, &no);
    if (!st && count > 1) {
        log_error("%s: key 'split.count': found part %" PRIu64 " of %" PRIu64
                  " of a split model, expected a model in one file (llama-gguf-split --merge)",
                  gguf_path(gguf), no + 1, count);
        st = STATUS_INPUT;
    }
    return st;
}

enum keys_verdict keys_verdict(const struct keys_entry *entry, enum arch arch)
{
    return entry->used_by & ARCH_BIT(arch) ? KEYS_USED : entry->verdict;
}

enum status keys_check(const struct gguf *gguf, enum arch arch)
{
    const char *name = arch_rules(arch)->name;
    const size_t len = strlen(name);
    enum status st = keys_check_split(gguf);

    for (uint64_t i = 0; i < gguf_key_count(gguf) && !st; i++) {
        const char *key = gguf_key(gguf, i);
        const bool own = strncmp(key, name, len) == 0 && key[len] == '.';
        const struct keys_entry *entry = find(own ? key + len + 1 : key);
        if (entry && keys_verdict(entry, arch) == KEYS_REFUSED) {
            st = check_refused(gguf, key, entry);
        } else if (!entry && own) {
            log_error("%s: key '%.*s': found it, expected only keys that are known: it may change "
                      "numbers",
                      gguf_path(gguf), GGUF_TEXT_OF, key);
            st = STATUS_INPUT;
        }
    }
    return st;
}

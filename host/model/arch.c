/* SPDX-License-Identifier: MIT */
/* The table of architectures (ENGINE.md 7). */
#include "model/arch.h"

#include <stdio.h>
#include <string.h>

static const struct arch_rules table[ARCH_COUNT] = {
    [ARCH_LLAMA] = {.name = "llama",
                    .activation = ACTIVATION_SILU,
                    .rope_factors = true,
                    .experts = true,                  /* Mixtral */
                    .window_period = ARCH_NO_GLOBAL}, /* Mistral */
    [ARCH_QWEN2] = {.name = "qwen2",
                    .activation = ACTIVATION_SILU,
                    .rope_neox = true,
                    .qkv_biases = true},
    [ARCH_QWEN3] = {.name = "qwen3",
                    .activation = ACTIVATION_SILU,
                    .rope_neox = true,
                    .qk_norms = true},
    [ARCH_GEMMA3] = {.name = "gemma3",
                     .activation = ACTIVATION_GELU,
                     .rope_neox = true,
                     .qk_norms = true,
                     .post_norms = true,
                     .scaled_embd = true,
                     .base_needed = true,
                     .window_period = 6,
                     .window_base = 10000,
                     .wide_q_layers = 62},
    [ARCH_FALCON] = {.name = "falcon",
                     .activation = ACTIVATION_GELU_ERF,
                     .rope_neox = true,
                     .layer_norms = true,
                     .parallel = true,
                     .ungated = true,
                     .fused_qkv = true},
    [ARCH_PHI3] = {.name = "phi3",
                   .activation = ACTIVATION_SILU,
                   .rope_neox = true,
                   .fused_qkv = true,
                   .fused_gate_up = true,
                   .long_rope = true,
                   .window_period = ARCH_NO_GLOBAL},
    [ARCH_OLMO2] = {.name = "olmo2",
                    .activation = ACTIVATION_SILU,
                    .rope_neox = true,
                    .qk_norms = true,
                    .qk_whole = true,
                    .post_norms = true,
                    .post_alone = true},
    [ARCH_GEMMA2] = {.name = "gemma2",
                     .activation = ACTIVATION_GELU,
                     .rope_neox = true,
                     .post_norms = true,
                     .scaled_embd = true,
                     .capped = true,
                     .window_period = 2,
                     .wide_q_layers = 46},
    [ARCH_QWEN2MOE] = {.name = "qwen2moe",
                       .activation = ACTIVATION_SILU,
                       .rope_neox = true,
                       .qkv_biases = true,
                       .experts = true,
                       .only_experts = true,
                       .shared = true,
                       .raw_weights = true},
    [ARCH_QWEN3MOE] = {.name = "qwen3moe",
                       .activation = ACTIVATION_SILU,
                       .rope_neox = true,
                       .qk_norms = true,
                       .experts = true,
                       .only_experts = true},
};

const struct arch_rules *arch_rules(enum arch arch)
{
    return &table[arch];
}

enum arch arch_find(const char *name, size_t len)
{
    enum arch arch = 0;

    while (arch < ARCH_COUNT &&
           (strlen(table[arch].name) != len || memcmp(table[arch].name, name, len) != 0))
        arch++;
    return arch;
}

const char *arch_list(char out[ARCH_LIST_SIZE])
{
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < ARCH_COUNT && at < ARCH_LIST_SIZE; i++)
        at += (size_t)snprintf(out + at, ARCH_LIST_SIZE - at, "%s%s", i > 0 ? ", " : "",
                               table[i].name);
    return out;
}

/* SPDX-License-Identifier: MIT */
/* The architectures: what the name in a file implies and no key says, one row of a table each. */
#ifndef VKFI_MODEL_ARCH_H
#define VKFI_MODEL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arch {
    ARCH_LLAMA,
    ARCH_QWEN2,
    ARCH_QWEN3,
    ARCH_GEMMA3,
    ARCH_FALCON,
    ARCH_PHI3,
    ARCH_OLMO2,
    ARCH_GEMMA2,
    ARCH_QWEN2MOE,
    ARCH_QWEN3MOE,
    ARCH_COUNT
};
#define ARCH_BIT(arch) (1u << (unsigned)(arch))

enum activation_fn { ACTIVATION_SILU, ACTIVATION_GELU, ACTIVATION_GELU_ERF };

#define ARCH_NO_GLOBAL UINT32_MAX /* a window_period: no layer is global */

struct arch_rules {
    const char *name; /* general.architecture */
    enum activation_fn activation;
    bool rope_neox;   /* pairs (i, i + rope_dim / 2) instead of (2 i, 2 i + 1) */
    bool layer_norms; /* with biases, instead of RMS norms */
    /* Norms of q and k; of the results of both halves of a layer: the file must have them. */
    bool qk_norms, post_norms;
    bool qk_whole;   /* those of q and k are over all heads, not a head */
    bool post_alone; /* halves of a layer read the residual itself */
    bool parallel;   /* the feed-forward reads the layer's input, not the sum with attention */
    bool ungated;    /* down(activation(up)) */
    /* One tensor has the rows of q, k and v; one those of gate and up. */
    bool fused_qkv, fused_gate_up;
    bool qkv_biases;   /* the file must have them */
    bool experts;      /* the file may have a mixture of experts for each feed-forward, */
    bool only_experts; /* must have it; */
    bool shared;       /* and an expert that all tokens use, with a gate of its own */
    bool raw_weights;  /* weights of the chosen are not normalised, unless the file says so */
    bool scaled_embd;  /* embeddings times sqrt(n_embd) */
    bool capped;       /* scores and logits are capped; the file must say where */
    bool base_needed;  /* the file must name the RoPE base, since readers differ */
    bool rope_factors; /* the file may have frequency factors */
    bool long_rope;    /* or factors for short contexts and others for long ones */
    /* In files with a sliding window every window_period-th layer is global; 0: refused. */
    uint32_t window_period;
    double window_base; /* RoPE base of windowed layers; 0: as the global ones, scale included */
    uint32_t wide_q_layers; /* models with so many layers scale q by 1 / sqrt(n_embd / n_head) */
};

const struct arch_rules *arch_rules(enum arch arch);

/* ARCH_COUNT if there is none of this name. */
enum arch arch_find(const char *name, size_t len);

/* "llama, qwen2, ...": all names. */
#define ARCH_LIST_SIZE 128
const char *arch_list(char out[ARCH_LIST_SIZE]);

#endif

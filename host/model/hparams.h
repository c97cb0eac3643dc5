/* SPDX-License-Identifier: MIT */
/* The sizes and constants of a model, from its metadata and its architecture's conventions. */
#ifndef VKFI_MODEL_HPARAMS_H
#define VKFI_MODEL_HPARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "model/arch.h"
#include "model/gguf.h"

struct hparams {
    enum arch arch;
    uint32_t n_layers;
    uint32_t n_embd;    /* width of the residual */
    uint32_t n_head;    /* query heads */
    uint32_t n_head_kv; /* key and value heads; divides n_head */
    uint32_t head_dim;  /* of q, k and v */
    uint32_t n_ff;      /* width of gate and up, with experts of the shared one; 0: there is none */
    uint32_t n_expert;  /* 0: a dense feed-forward, and 0 for the next two */
    uint32_t n_used;    /* experts of a token */
    uint32_t n_ff_exp;  /* width of an expert's gate and up */
    bool used_norm;     /* weights of the chosen experts add up to 1 */
    uint32_t n_vocab;
    uint32_t n_ctx; /* positions the model was trained for */
    float norm_eps;
    float embd_scale; /* 0: none */
    float q_scale;    /* 1 / sqrt(head_dim), as float */
    /* Attention scores and logits x are limit * tanh(x / limit); 0: as they are. */
    float score_cap, logit_cap;
    enum activation_fn activation;
    bool rope_neox;       /* pairs (i, i + rope_dim / 2) instead of (2 i, 2 i + 1) */
    uint32_t rope_dim;    /* rotated features of a head */
    uint32_t rope_tables; /* 2: layers with a sliding window have their own, [1] of these: */
    double rope_base[2];
    double rope_scale[2];  /* frequency factor 1 / linear scale of each table */
    double rope_magnitude; /* factor on every cosine and sine; 1 but for rope.scaling.attn_factor */
    uint32_t window;       /* sliding window (pos_q - pos_k < window); 0: none */
    /* Every window_period-th layer is global; 0: all are, ARCH_NO_GLOBAL: none is. */
    uint32_t window_period;
};

/* STATUS_INPUT names the key; architectures not supported are refused by name. */
enum status hparams_read(struct hparams *out, const struct gguf *gguf) STATUS_MUST_USE;

const char *hparams_arch_name(enum arch arch);

/* True if the layer attends to a sliding window. */
static inline bool hparams_windowed(const struct hparams *hp, uint32_t layer)
{
    return hp->window_period != 0 && (layer + 1) % hp->window_period != 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/* The model as a list of operations with site names; both executors run this list. */
#ifndef VKFI_MODEL_GRAPH_H
#define VKFI_MODEL_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/hparams.h"

/* Kinds of operation (op.h says what each is); each has one shader, record function, CPU reference
 * and test. New ones go to the end: strata of plans have these numbers. */
#define GRAPH_OPS(X)                                                                               \
    X(EMBED, "embed")           /* X = table[token] (* embd_scale) */                              \
    X(NORM, "norm")             /* RMS norm of `groups` groups of `width` */                       \
    X(LINEAR, "linear")         /* out = W in (+ bias), capped */                                  \
    X(ROPE, "rope")             /* rotate pairs, then * scale */                                   \
    X(STORE, "store")           /* K, V into the branch's pages, narrowed to the KV type */        \
    X(SCORES, "scores")         /* S = q . k over head_dim, capped */                              \
    X(SOFTMAX, "softmax")       /* P = exp(S - max) / sum */                                       \
    X(HEADS, "heads")           /* H = sum over positions of P * v */                              \
    X(GATE, "gate")             /* A = activation(G) * U */                                        \
    X(ADD, "add")               /* X = X + T */                                                    \
    X(LAYER_NORM, "layer_norm") /* layer norm of the same, + bias */                               \
    X(ACT, "act")               /* A = activation(U) */                                            \
    X(CHOOSE, "choose")         /* E = the experts with the largest router logits R */             \
    X(ROUTE, "route")           /* W = weights of the experts E, from R */                         \
    X(EXPERTS, "experts")       /* LINEAR of the experts E: group j by the matrix of E[j] */       \
    X(MIX, "mix")               /* T = sum over the experts E of W * D */                          \
    X(SHARE, "share")           /* D = sigmoid(M) * D, of the shared expert */

enum op {
#define GRAPH_ENUM(name, text) OP_##name,
    GRAPH_OPS(GRAPH_ENUM)
#undef GRAPH_ENUM
        OP_COUNT
};

/* Registers: one row of f32 words per column, values on the activation type's grid
 * (graph_reg_wide: f32; E: integers). The parameter is not called X, since a register is. */
#define GRAPH_REGS(ENTRY)                                                                          \
    ENTRY(X, "residual") /* (n_embd)            */                                                 \
    ENTRY(N, "normed")   /* (n_embd)            */                                                 \
    ENTRY(Q, "query")    /* (n_head * head_dim) */                                                 \
    ENTRY(K, "key")      /* (n_head_kv * head_dim) */                                              \
    ENTRY(V, "value")    /* (n_head_kv * head_dim) */                                              \
    ENTRY(S, "scores")   /* (n_head, positions) */                                                 \
    ENTRY(P, "probs")    /* (n_head, positions) */                                                 \
    ENTRY(H, "heads")    /* (n_head * head_dim) */                                                 \
    ENTRY(T, "delta")    /* (n_embd)            */                                                 \
    ENTRY(G, "gate")     /* (n_ff) or, of experts, (n_used, n_ff_exp) */                           \
    ENTRY(U, "up")       /* the same            */                                                 \
    ENTRY(A, "act")      /* the same            */                                                 \
    ENTRY(L, "logits")   /* (n_vocab)           */                                                 \
    ENTRY(R, "router")   /* (n_expert)          */                                                 \
    ENTRY(E, "chosen")   /* (n_used) integers   */                                                 \
    ENTRY(W, "weights")  /* (n_used)            */                                                 \
    ENTRY(D, "parts")    /* (n_used, n_embd), then (n_embd) of the shared expert */                \
    ENTRY(M, "share")    /* (1)                 */

enum reg {
#define GRAPH_ENUM(name, text) REG_##name,
    GRAPH_REGS(GRAPH_ENUM)
#undef GRAPH_ENUM
        REG_COUNT,
    REG_NONE = REG_COUNT
};

#define GRAPH_NO_LAYER UINT32_MAX

struct node {
    enum op op;
    const char *site; /* "blk.3.attn_q", "token_embd", "output_norm", "output" */
    uint32_t layer;   /* GRAPH_NO_LAYER for embedding, output norm and output */
    /* in2: V of STORE, P with V pages of HEADS: REG_NONE; U of GATE; T of ADD; E of EXPERTS and
     * ROUTE; W of MIX; M of SHARE */
    enum reg in, in2;
    enum reg out; /* NORM, ROPE and SHARE may work in place (out == in) */
    /* LINEAR: (rows, width); NORM: (width); EMBED: (n_vocab, width); EXPERTS: (n_expert * rows /
     * groups, width), an expert's rows together */
    const struct tensor *weight;
    const struct tensor *bias; /* LINEAR: (rows) F32, or null; LAYER_NORM: (width) */
    uint32_t rows;             /* elements of the output row of one column (S, P: n_head) */
    uint32_t width;  /* K: length of one dot product or norm group (EMBED: n_embd); CHOOSE: experts;
                        ROUTE: terms of the sum, the experts or those chosen; MIX: those chosen */
    uint32_t groups; /* NORM: groups a row (1, or heads for QK norm); ROPE: heads; EXPERTS: those
                        chosen */
    uint32_t in_step; /* EXPERTS: from the input of a group to the next one's; 0: all read one */
    float scale;      /* EMBED: embd_scale or 0; ROPE: q_scale, 0 for k (no multiplication) */
    float cap;        /* SCORES, LINEAR: results x are cap * tanh(x / cap); 0: as they are */
    uint32_t table;   /* ROPE: rope table (0 global, 1 sliding) */
    uint32_t window;  /* SCORES, SOFTMAX, HEADS: sliding window or 0 */
};

struct graph {
    const struct node *node; /* (count), in order of execution */
    uint32_t count;
    /* (n_layers + 1): first node of each layer; [n_layers]: output_norm */
    const uint32_t *layer_begin;
};

/* Makes tensors of their own of q, k, v, gate and up where the architecture has them as rows of one
 * tensor, weights and biases (gguf_split), and matrices of the tensors of experts (gguf_flatten).
 * Before graph_build. */
enum status graph_split(struct gguf *gguf, const struct hparams *hp) STATUS_MUST_USE;

/* Looks up and checks every tensor (shape, type) the graph uses; STATUS_INPUT names the tensor.
 * Memory from `arena`. */
enum status graph_build(struct graph *out, struct arena *arena, const struct gguf *gguf,
                        const struct hparams *hp) STATUS_MUST_USE;

const char *graph_op_name(enum op op);
const char *graph_reg_name(enum reg reg);
/* True for registers of words whatever the activation type: scores, probabilities, logits, and all
 * of the router. */
bool graph_reg_wide(enum reg reg);
uint32_t graph_reg_width(const struct hparams *hp, enum reg reg, uint32_t positions);

/* The node of a site name, null if there is none. */
const struct node *graph_find(const struct graph *graph, const char *site);

#endif

/* SPDX-License-Identifier: MIT */
/* Lists a model's operations in order, with every tensor they use found and checked. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "model/graph.h"

#define GRAPH_LAYER_NODES_MAX 36
#define GRAPH_SITE_MAX 48

struct builder {
    struct arena *arena;
    const struct gguf *gguf;
    const struct hparams *hp;
    const struct arch_rules *rules;
    struct node *node; /* room for all */
    uint32_t count;
    uint32_t layer; /* of the nodes being added */
    bool *used;     /* (tensors): some node reads it */
    enum status st; /* the first failure; later additions are dropped */
};

/* "blk.3.attn_q" for a site in a layer, the plain site outside of layers. */
static void site_name(const struct builder *b, const char *site, char out[GRAPH_SITE_MAX])
{
    if (b->layer == GRAPH_NO_LAYER)
        snprintf(out, GRAPH_SITE_MAX, "%s", site);
    else
        snprintf(out, GRAPH_SITE_MAX, "blk.%" PRIu32 ".%s", b->layer, site);
}

/* The tensor <site>.<suffix>, null if absent. */
static const struct tensor *site_tensor(const struct builder *b, const char *site,
                                        const char *suffix)
{
    char name[GRAPH_SITE_MAX], full[GRAPH_SITE_MAX + 16];

    site_name(b, site, name);
    snprintf(full, sizeof(full), "%s.%s", name, suffix);
    return gguf_tensor(b->gguf, full);
}

/* Checks a tensor's shape (rows 0: one dimension) and marks it as used. Null: nothing to check. */
static void claim(struct builder *b, const struct tensor *t, uint32_t width, uint32_t rows)
{
    const char *path = gguf_path(b->gguf);
    uint32_t n_dims = rows == 0 ? 1 : 2;

    if (b->st || !t)
        return;
    if (t->dim[0] != width || t->dim[1] != (rows == 0 ? 1 : rows) || t->dim[2] != 1 ||
        t->dim[3] != 1) {
        log_error("%s: tensor '%s': found shape (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
                  "), expected (%" PRIu32 ", %" PRIu32 ")",
                  path, t->name, t->dim[0], t->dim[1], t->dim[2], t->dim[3], width,
                  rows == 0 ? 1 : rows);
        b->st = STATUS_INPUT;
    } else if (n_dims == 1 && t->type != QUANT_F32) {
        log_error("%s: tensor '%s': found type %s, expected F32", path, t->name,
                  quant_name(t->type));
        b->st = STATUS_INPUT;
    }
    b->used[t->index] = true;
}

/* The tensor <site>.<suffix>, which the architecture requires. */
static const struct tensor *need(struct builder *b, const char *site, const char *suffix)
{
    const struct tensor *t = site_tensor(b, site, suffix);
    char name[GRAPH_SITE_MAX];

    if (!t && !b->st) {
        site_name(b, site, name);
        log_error("%s: tensor '%s.%s': found nothing, expected it for architecture '%s'",
                  gguf_path(b->gguf), name, suffix, hparams_arch_name(b->hp->arch));
        b->st = STATUS_INPUT;
    }
    return t;
}

static void add(struct builder *b, const char *site, struct node node)
{
    char name[GRAPH_SITE_MAX];

    if (b->st)
        return;
    site_name(b, site, name);
    node.site = arena_text(b->arena, name, strlen(name));
    if (!node.site) {
        b->st = STATUS_MEMORY;
        return;
    }
    node.layer = b->layer;
    if (node.groups == 0)
        node.groups = 1;
    b->node[b->count++] = node;
}

/* `out` = norm of `in`, all of it, or for most norms of Q and K in groups of head_dim. */
static void add_norm(struct builder *b, const char *site, enum reg in, enum reg out)
{
    bool heads = (in == REG_Q || in == REG_K) && !b->rules->qk_whole;
    bool layer = b->rules->layer_norms;
    uint32_t rows = graph_reg_width(b->hp, in, 0);
    uint32_t width = heads ? b->hp->head_dim : rows;
    const struct tensor *weight = need(b, site, "weight");

    const struct tensor *bias = layer ? need(b, site, "bias") : NULL;

    claim(b, weight, width, 0);
    claim(b, bias, width, 0);
    add(b, site,
        (struct node){.op = layer ? OP_LAYER_NORM : OP_NORM,
                      .in = in,
                      .in2 = REG_NONE,
                      .out = out,
                      .weight = weight,
                      .bias = bias,
                      .rows = rows,
                      .width = width,
                      .groups = rows / width});
}

/* A norm in place, `needed` or if the file has it. */
static void add_extra_norm(struct builder *b, const char *site, enum reg reg, bool needed)
{
    if (needed || site_tensor(b, site, "weight"))
        add_norm(b, site, reg, reg);
}

/* What a matrix, other than those of experts, reads and writes of a register. */
static uint32_t linear_width(const struct builder *b, enum reg reg)
{
    const bool feed = reg == REG_G || reg == REG_U || reg == REG_A;

    return feed ? b->hp->n_ff : reg == REG_D ? b->hp->n_embd : graph_reg_width(b->hp, reg, 0);
}

/* out = W in, + bias if the file has one. */
static void add_linear(struct builder *b, const char *site, enum reg in, enum reg out)
{
    const uint32_t width = linear_width(b, in), rows = linear_width(b, out);
    bool qkv = out == REG_Q || out == REG_K || out == REG_V;
    const struct tensor *weight = need(b, site, "weight");
    const struct tensor *bias =
        qkv && b->rules->qkv_biases ? need(b, site, "bias") : site_tensor(b, site, "bias");

    claim(b, weight, width, rows);
    claim(b, bias, rows, 0);
    add(b, site,
        (struct node){.op = OP_LINEAR,
                      .in = in,
                      .in2 = REG_NONE,
                      .out = out,
                      .weight = weight,
                      .bias = bias,
                      .rows = rows,
                      .width = width,
                      .cap = out == REG_L ? b->hp->logit_cap : 0});
}

static void add_rope(struct builder *b, const char *site, enum reg reg)
{
    const struct hparams *hp = b->hp;
    uint32_t rows = graph_reg_width(hp, reg, 0);

    add(b, site,
        (struct node){.op = OP_ROPE,
                      .in = reg,
                      .in2 = REG_NONE,
                      .out = reg,
                      .rows = rows,
                      .width = hp->head_dim,
                      .groups = rows / hp->head_dim,
                      .scale = reg == REG_Q ? hp->q_scale : 0,
                      .table = hp->rope_tables == 2 && hparams_windowed(hp, b->layer)});
}

/* to = to + from */
static void add_sum(struct builder *b, const char *site, enum reg to, enum reg from)
{
    add(b, site,
        (struct node){.op = OP_ADD,
                      .in = to,
                      .in2 = from,
                      .out = to,
                      .rows = b->hp->n_embd,
                      .width = b->hp->n_embd});
}

/* From pages of K and V to H. */
static void add_attention(struct builder *b)
{
    const struct hparams *hp = b->hp;
    uint32_t window = hparams_windowed(hp, b->layer) ? hp->window : 0;
    struct node store = {.op = OP_STORE,
                         .in = REG_K,
                         .in2 = REG_V,
                         .out = REG_NONE,
                         .rows = hp->n_head_kv * hp->head_dim,
                         .width = hp->head_dim,
                         .groups = hp->n_head_kv};
    struct node scores = {.op = OP_SCORES,
                          .in = REG_Q,
                          .in2 = REG_NONE,
                          .out = REG_S,
                          .rows = hp->n_head,
                          .width = hp->head_dim,
                          .groups = hp->n_head,
                          .cap = hp->score_cap,
                          .window = window};
    struct node softmax = scores, heads = scores;

    softmax.cap = heads.cap = 0;
    softmax.op = OP_SOFTMAX;
    softmax.in = REG_S;
    softmax.out = REG_P;
    heads.op = OP_HEADS;
    heads.in = REG_P;
    heads.out = REG_H;
    heads.rows = hp->n_head * hp->head_dim;
    add(b, "kv", store);
    add(b, "attn_scores", scores);
    add(b, "attn_probs", softmax);
    add(b, "attn_heads", heads);
}

/* Layers whose halves are parallel may have a norm for each half: the feed-forward's follows once N
 * has been read. */
static bool has_two_norms(const struct builder *b)
{
    return b->rules->parallel && site_tensor(b, "attn_norm_2", "weight");
}

/* The register that attention reads: normed, but for post_alone. */
static enum reg add_attention_norm(struct builder *b)
{
    if (b->rules->post_alone)
        return REG_X;
    add_norm(b, has_two_norms(b) ? "attn_norm_2" : "attn_norm", REG_X, REG_N);
    return REG_N;
}

static void add_attention_half(struct builder *b)
{
    const enum reg in = add_attention_norm(b);

    add_linear(b, "attn_q", in, REG_Q);
    add_linear(b, "attn_k", in, REG_K);
    add_linear(b, "attn_v", in, REG_V);
    add_extra_norm(b, "attn_q_norm", REG_Q, b->rules->qk_norms);
    add_extra_norm(b, "attn_k_norm", REG_K, b->rules->qk_norms);
    add_rope(b, "rope_q", REG_Q);
    add_rope(b, "rope_k", REG_K);
    add_attention(b);
    if (has_two_norms(b))
        add_norm(b, "attn_norm", REG_X, REG_N);
    add_linear(b, "attn_output", REG_H, REG_T);
    add_extra_norm(b, "post_attention_norm", REG_T, b->rules->post_norms);
    add_sum(b, "attn_residual", REG_X, REG_T);
}

/* A = activation(G) * U, or of U alone */
static void add_activation(struct builder *b, const char *site, uint32_t n)
{
    const bool alone = b->rules->ungated;

    add(b, site,
        (struct node){.op = alone ? OP_ACT : OP_GATE,
                      .in = alone ? REG_U : REG_G,
                      .in2 = alone ? REG_NONE : REG_U,
                      .out = REG_A,
                      .rows = n,
                      .width = n});
}

/* T = the feed-forward of `in` */
static void add_dense(struct builder *b, enum reg in)
{
    if (!b->rules->ungated)
        add_linear(b, "ffn_gate", in, REG_G);
    add_linear(b, "ffn_up", in, REG_U);
    add_activation(b, "ffn_act", b->hp->n_ff);
    add_linear(b, "ffn_down", REG_A, REG_T);
}

/* The matrices of all experts, of which each column uses n_used. */
static void add_experts_linear(struct builder *b, const char *site, enum reg in, enum reg out)
{
    const struct hparams *hp = b->hp;
    const bool own = in == REG_A; /* each expert reads what it has made before */
    const uint32_t width = own ? hp->n_ff_exp : hp->n_embd;
    const uint32_t rows = own ? hp->n_embd : hp->n_ff_exp;
    const struct tensor *weight = need(b, site, "weight");

    claim(b, weight, width, hp->n_expert * rows);
    add(b, site,
        (struct node){.op = OP_EXPERTS,
                      .in = in,
                      .in2 = REG_E,
                      .out = out,
                      .weight = weight,
                      .rows = hp->n_used * rows,
                      .width = width,
                      .groups = hp->n_used,
                      .in_step = own ? width : 0});
}

/* E and W of the router's logits. */
static void add_router(struct builder *b, enum reg in)
{
    const struct hparams *hp = b->hp;

    add_linear(b, "ffn_gate_inp", in, REG_R);
    add(b, "ffn_choice",
        (struct node){.op = OP_CHOOSE,
                      .in = REG_R,
                      .in2 = REG_NONE,
                      .out = REG_E,
                      .rows = hp->n_used,
                      .width = hp->n_expert});
    add(b, "ffn_weights",
        (struct node){.op = OP_ROUTE,
                      .in = REG_R,
                      .in2 = REG_E,
                      .out = REG_W,
                      .rows = hp->n_used,
                      .width = hp->used_norm ? hp->n_used : hp->n_expert});
}

/* T = T + sigmoid(m . in) * the feed-forward of the expert that all columns use */
static void add_shared(struct builder *b, enum reg in)
{
    const uint32_t n_embd = b->hp->n_embd;

    add_linear(b, "ffn_gate_inp_shexp", in, REG_M);
    add_linear(b, "ffn_gate_shexp", in, REG_G);
    add_linear(b, "ffn_up_shexp", in, REG_U);
    add_activation(b, "ffn_act_shexp", b->hp->n_ff);
    add_linear(b, "ffn_down_shexp", REG_A, REG_D);
    add(b, "ffn_shexp",
        (struct node){.op = OP_SHARE,
                      .in = REG_D,
                      .in2 = REG_M,
                      .out = REG_D,
                      .rows = n_embd,
                      .width = n_embd});
    add_sum(b, "ffn_shexp_sum", REG_T, REG_D);
}

/* T = the mixture's feed-forward of `in` */
static void add_mixture(struct builder *b, enum reg in)
{
    const struct hparams *hp = b->hp;

    add_router(b, in);
    add_experts_linear(b, "ffn_gate_exps", in, REG_G);
    add_experts_linear(b, "ffn_up_exps", in, REG_U);
    add_activation(b, "ffn_act_exps", hp->n_used * hp->n_ff_exp);
    add_experts_linear(b, "ffn_down_exps", REG_A, REG_D);
    add(b, "ffn_mix",
        (struct node){.op = OP_MIX,
                      .in = REG_D,
                      .in2 = REG_W,
                      .out = REG_T,
                      .rows = hp->n_embd,
                      .width = hp->n_used});
    if (b->rules->shared)
        add_shared(b, in);
}

static void add_ffn_half(struct builder *b)
{
    const enum reg in = b->rules->post_alone ? REG_X : REG_N;

    if (!b->rules->parallel && !b->rules->post_alone)
        add_norm(b, "ffn_norm", REG_X, REG_N);
    if (b->hp->n_expert > 0)
        add_mixture(b, in);
    else
        add_dense(b, in);
    add_extra_norm(b, "post_ffw_norm", REG_T, b->rules->post_norms);
    add_sum(b, "ffn_residual", REG_X, REG_T);
}

static void add_embedding(struct builder *b)
{
    const struct hparams *hp = b->hp;
    const struct tensor *weight = need(b, "token_embd", "weight");

    claim(b, weight, hp->n_embd, hp->n_vocab);
    add(b, "token_embd",
        (struct node){.op = OP_EMBED,
                      .in = REG_NONE,
                      .in2 = REG_NONE,
                      .out = REG_X,
                      .weight = weight,
                      .rows = hp->n_embd,
                      .width = hp->n_embd,
                      .scale = hp->embd_scale});
}

/* The output matrix; files without one share the embedding's. */
static void add_output(struct builder *b)
{
    add_norm(b, "output_norm", REG_X, REG_N);
    if (site_tensor(b, "output", "weight"))
        add_linear(b, "output", REG_N, REG_L);
    else
        add(b, "output",
            (struct node){.op = OP_LINEAR,
                          .in = REG_N,
                          .in2 = REG_NONE,
                          .out = REG_L,
                          .weight = b->node[0].weight,
                          .rows = b->hp->n_vocab,
                          .width = b->hp->n_embd,
                          .cap = b->hp->logit_cap});
}

/* A tensor that no operation reads means arithmetic that this program lacks. */
static enum status check_unused(const struct builder *b)
{
    const struct tensor *t = gguf_tensors(b->gguf);

    for (uint64_t i = 0; i < gguf_tensor_count(b->gguf); i++) {
        /* The model reads these for its rope tables. */
        bool factors =
            (b->rules->rope_factors && strcmp(t[i].name, "rope_freqs.weight") == 0) ||
            (b->rules->long_rope && (strcmp(t[i].name, "rope_factors_short.weight") == 0 ||
                                     strcmp(t[i].name, "rope_factors_long.weight") == 0));
        if (!b->used[i] && !factors) {
            log_error("%s: tensor '%s': found a tensor that architecture '%s' does not use, "
                      "expected none",
                      gguf_path(b->gguf), t[i].name, hparams_arch_name(b->hp->arch));
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static void add_layers(struct builder *b, uint32_t *layer_begin)
{
    for (uint32_t i = 0; i < b->hp->n_layers && !b->st; i++) {
        b->layer = i;
        layer_begin[i] = b->count;
        add_attention_half(b);
        add_ffn_half(b);
        assert(b->count - layer_begin[i] <= GRAPH_LAYER_NODES_MAX);
    }
    b->layer = GRAPH_NO_LAYER;
    layer_begin[b->hp->n_layers] = b->count;
}

enum status graph_build(struct graph *out, struct arena *arena, const struct gguf *gguf,
                        const struct hparams *hp)
{
    size_t room = 3 + (size_t)hp->n_layers * GRAPH_LAYER_NODES_MAX;
    struct builder b = {.arena = arena,
                        .gguf = gguf,
                        .hp = hp,
                        .rules = arch_rules(hp->arch),
                        .layer = GRAPH_NO_LAYER};
    uint32_t *layer_begin = arena_array(arena, (size_t)hp->n_layers + 1, sizeof(*layer_begin));

    b.node = arena_array(arena, room, sizeof(*b.node));
    b.used = arena_array(arena, (size_t)gguf_tensor_count(gguf), sizeof(*b.used));
    if (!layer_begin || !b.node || !b.used)
        return STATUS_MEMORY;
    add_embedding(&b);
    add_layers(&b, layer_begin);
    add_output(&b);
    const enum status st = b.st ? b.st : check_unused(&b);
    if (st)
        return st;
    *out = (struct graph){.node = b.node, .count = b.count, .layer_begin = layer_begin};
    return STATUS_OK;
}

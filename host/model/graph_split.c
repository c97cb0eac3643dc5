/* SPDX-License-Identifier: MIT */
/* Which tensors of a file hold the rows of several projections, or of several experts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "model/graph.h"

static struct gguf_split split_of(uint32_t layer, const char *site, const char *suffix)
{
    struct gguf_split split = {0};

    snprintf(split.name, sizeof(split.name), "blk.%" PRIu32 ".%s.%s", layer, site, suffix);
    return split;
}

static void part(struct gguf_split *split, uint32_t layer, const char *site, const char *suffix,
                 uint64_t rows)
{
    struct gguf_part *to = &split->part[split->parts++];

    snprintf(to->name, sizeof(to->name), "blk.%" PRIu32 ".%s.%s", layer, site, suffix);
    to->rows = rows;
}

/* The splits of a layer; returns how many. */
static size_t of_layer(const struct hparams *hp, uint32_t layer, struct gguf_split *out)
{
    static const char *const suffixes[] = {"weight", "bias"};
    const struct arch_rules *rules = arch_rules(hp->arch);
    const uint64_t kv = (uint64_t)hp->n_head_kv * hp->head_dim;
    size_t n = 0;

    for (int i = 0; i < 2; i++) {
        if (rules->fused_qkv) {
            out[n] = split_of(layer, "attn_qkv", suffixes[i]);
            part(&out[n], layer, "attn_q", suffixes[i], (uint64_t)hp->n_head * hp->head_dim);
            part(&out[n], layer, "attn_k", suffixes[i], kv);
            part(&out[n++], layer, "attn_v", suffixes[i], kv);
        }
        if (rules->fused_gate_up) {
            out[n] = split_of(layer, "ffn_up", suffixes[i]);
            part(&out[n], layer, "ffn_gate", suffixes[i], hp->n_ff);
            part(&out[n++], layer, "ffn_up", suffixes[i], hp->n_ff);
        }
    }
    return n;
}

#define EXPERT_ROWS 32u /* tiles of rows on devices have no more; of both sides of an expert */

/* One of the tensors of a layer's experts: matrices of (width, rows). */
static enum status flatten(struct gguf *gguf, const char *name, const uint64_t shape[3])
{
    const struct tensor *t = gguf_tensor(gguf, name);

    if (!t)
        return STATUS_OK; /* graph_build says so */
    if (t->dim[0] != shape[0] || t->dim[1] != shape[1] || t->dim[2] != shape[2] || t->dim[3] != 1) {
        log_error("%s: tensor '%s': found shape (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
                  "), expected (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ")",
                  gguf_path(gguf), name, t->dim[0], t->dim[1], t->dim[2], t->dim[3], shape[0],
                  shape[1], shape[2]);
        return STATUS_INPUT;
    }
    gguf_flatten(gguf, t);
    return STATUS_OK;
}

static enum status flatten_experts(struct gguf *gguf, const struct hparams *hp)
{
    static const char *const names[] = {"gate", "up", "down"};
    const uint64_t up[3] = {hp->n_embd, hp->n_ff_exp, hp->n_expert};
    const uint64_t down[3] = {hp->n_ff_exp, hp->n_embd, hp->n_expert};
    enum status st = STATUS_OK;

    if (hp->n_expert == 0)
        return STATUS_OK;
    if (hp->n_ff_exp % EXPERT_ROWS != 0 || hp->n_embd % EXPERT_ROWS != 0) {
        log_error("%s: found experts of width %" PRIu32 " for %" PRIu32
                  " features, expected multiples of %u",
                  gguf_path(gguf), hp->n_ff_exp, hp->n_embd, EXPERT_ROWS);
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; i < 3 * hp->n_layers && !st; i++) {
        char name[GGUF_PART_NAME];
        snprintf(name, sizeof(name), "blk.%" PRIu32 ".ffn_%s_exps.weight", i / 3, names[i % 3]);
        st = flatten(gguf, name, i % 3 < 2 ? up : down);
    }
    return st;
}

enum status graph_split(struct gguf *gguf, const struct hparams *hp)
{
    struct gguf_split *splits = calloc((size_t)hp->n_layers * 4, sizeof(*splits));
    size_t n = 0;

    if (!splits) {
        log_error("%s: out of host memory", gguf_path(gguf));
        return STATUS_MEMORY;
    }
    for (uint32_t layer = 0; layer < hp->n_layers; layer++)
        n += of_layer(hp, layer, splits + n);
    const enum status st = n > 0 ? gguf_split(gguf, splits, n) : STATUS_OK;
    free(splits);
    return st ? st : flatten_experts(gguf, hp);
}

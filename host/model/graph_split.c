/* SPDX-License-Identifier: MIT */
/* Which tensors of a file hold the rows of several projections. */
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
    return st;
}

/* SPDX-License-Identifier: MIT */
/* A loaded model: file, sizes, graph and tokenizer, shared read-only by everything above. */
#ifndef VKFI_MODEL_MODEL_H
#define VKFI_MODEL_MODEL_H

#include "base/arena.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/graph.h"
#include "model/hparams.h"
#include "model/tokenizer.h"

struct model {
    struct gguf *gguf;
    struct hparams hp;
    struct graph graph;
    struct tokenizer *tokenizer;
    const float *rope_factors; /* (rope_dim / 2) or null */
    struct arena arena;        /* owns what the fields above point to */
};

enum status model_open(struct model **out, const char *path) STATUS_MUST_USE;
void model_close(struct model **model);

#endif

/* SPDX-License-Identifier: MIT */
/* Opens a model file as the parts the rest of the program shares. */
#include "model/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Frequency factors of files that have them. */
static enum status read_rope_factors(struct model *m)
{
    uint32_t pairs = m->hp.rope_dim / 2;
    const bool two = arch_rules(m->hp.arch)->long_rope; /* hparams.c keeps contexts short */
    const struct tensor *t =
        gguf_tensor(m->gguf, two ? "rope_factors_short.weight" : "rope_freqs.weight");
    float *factors;

    if (!t)
        return STATUS_OK;
    if (t->type != QUANT_F32 || t->dim[0] != pairs || t->size != pairs * sizeof(float)) {
        log_error("%s: tensor '%s': found type %s and %" PRIu64 " x %" PRIu64
                  " elements, expected F32 and %" PRIu32,
                  gguf_path(m->gguf), t->name, quant_name(t->type), t->dim[0], t->dim[1], pairs);
        return STATUS_INPUT;
    }
    factors = arena_array(&m->arena, pairs, sizeof(*factors));
    if (!factors)
        return STATUS_MEMORY;
    memcpy(factors, t->data, (size_t)t->size);
    for (uint32_t i = 0; i < pairs; i++) {
        if (!isfinite(factors[i]) || factors[i] <= 0) {
            log_error("%s: tensor '%s': found factor %g at index %" PRIu32
                      ", expected a finite number above 0",
                      gguf_path(m->gguf), t->name, (double)factors[i], i);
            return STATUS_INPUT;
        }
    }
    m->rope_factors = factors;
    return STATUS_OK;
}

enum status model_open(struct model **out, const char *path)
{
    struct model *m = calloc(1, sizeof(*m));
    enum status st = STATUS_MEMORY;

    *out = NULL;
    if (!m) {
        log_error("%s: out of host memory", path);
        return st;
    }
    st = gguf_open(&m->gguf, path);
    if (!st)
        st = hparams_read(&m->hp, m->gguf);
    if (!st)
        st = graph_split(m->gguf, &m->hp);
    if (!st)
        st = graph_build(&m->graph, &m->arena, m->gguf, &m->hp);
    if (!st)
        st = read_rope_factors(m);
    if (!st)
        st = tokenizer_create(&m->tokenizer, m->gguf);
    if (st)
        model_close(&m);
    *out = m;
    return st;
}

void model_close(struct model **model)
{
    struct model *m = *model;

    if (!m)
        return;
    tokenizer_destroy(&m->tokenizer);
    gguf_close(&m->gguf);
    arena_finish(&m->arena);
    free(m);
    *model = NULL;
}

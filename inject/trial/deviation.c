/* SPDX-License-Identifier: MIT */
/* Compares two rows of the checkpoint store. */
#include "inject/trial/deviation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shared/numerics.h"

static struct trial_deviation compare(const float *golden, const float *faulty, uint32_t n)
{
    struct trial_deviation d = {0};
    double difference = 0, norm = 0;
    for (uint32_t i = 0; i < n; i++) {
        double delta = (double)faulty[i] - (double)golden[i];
        uint32_t a = nm_canon(lang_bits(golden[i])), b = nm_canon(lang_bits(faulty[i]));
        d.bits += (uint32_t)__builtin_popcount(a ^ b);
        if (a == b)
            delta = 0; /* Inf - Inf of equal values is no deviation */
        if (isnan(delta) || !(fabs(delta) <= d.max_abs))
            d.max_abs = isnan(d.max_abs) ? d.max_abs : fabs(delta);
        difference += delta * delta;
        norm += (double)golden[i] * (double)golden[i];
    }
    d.rel_l2 = difference == 0 ? 0 : sqrt(difference) / sqrt(norm);
    return d;
}

/* Reads one boundary of golden and of the column. */
static enum status read_pair(const struct golden *golden, const struct deviation_row *row,
                             uint32_t layer, float *values)
{
    struct executor *ex = golden->params.ex;
    const uint32_t n_embd = ex->model->hp.n_embd;
    enum status st = STATUS_OK;
    if (row->clean)
        memcpy(values, row->clean + (size_t)layer * n_embd, n_embd * sizeof(*values));
    else
        st = executor_read_checkpoint(ex, golden_row(golden, row->position), layer, values);
    return st ? st : executor_read_checkpoint(ex, row->row, layer, values + n_embd);
}

static float *room(const struct golden *golden)
{
    const uint32_t n_embd = golden->params.ex->model->hp.n_embd;
    float *values = malloc(2 * (size_t)n_embd * sizeof(*values));
    if (!values)
        log_error("out of memory for a deviation of %u values", n_embd);
    return values;
}

enum status deviation_read(struct trial_deviation *out, const struct golden *golden,
                           const struct deviation_row *row)
{
    const struct hparams *hp = &golden->params.ex->model->hp;
    float *values = room(golden);
    enum status st = values ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t layer = row->first; layer <= hp->n_layers && !st; layer++) {
        st = read_pair(golden, row, layer, values);
        if (!st)
            out[layer] = compare(values, values + hp->n_embd, hp->n_embd);
    }
    free(values);
    return st;
}

enum status deviation_none(bool *out, const struct golden *golden, const struct deviation_row *row)
{
    struct executor *ex = golden->params.ex;
    const struct hparams *hp = &ex->model->hp;
    const uint64_t *hash = golden->residual_hash + (size_t)row->position * (hp->n_layers + 1);
    float *values = room(golden);
    enum status st = values ? STATUS_OK : STATUS_MEMORY;
    *out = true;
    for (uint32_t layer = row->first; layer <= hp->n_layers && !st && *out; layer++) {
        st = executor_read_checkpoint(ex, row->row, layer, values);
        *out = !st && golden_residual_hash(values, hp->n_embd) == hash[layer];
    }
    free(values);
    return st;
}

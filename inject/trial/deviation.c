/* SPDX-License-Identifier: MIT */
/* Compares two rows of the checkpoint store. */
#include "inject/trial/deviation.h"

#include <math.h>
#include <stdlib.h>

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

enum status deviation_read(struct trial_deviation **out, struct arena *arena,
                           const struct trial *trial, uint32_t first)
{
    struct executor *ex = trial->golden->params.ex;
    uint32_t n_embd = ex->model->hp.n_embd, n_layers = ex->model->hp.n_layers;
    float *row = malloc(2 * (size_t)n_embd * sizeof *row);
    *out = arena_array(arena, n_layers + 1, sizeof **out);
    if (!row || !*out) {
        free(row);
        log_error("out of memory for a deviation of %u values", n_embd);
        return STATUS_MEMORY;
    }
    enum status st = STATUS_OK;
    for (uint32_t layer = first; layer <= n_layers && !st; layer++) {
        st = executor_read_checkpoint(ex, trial->fault->position, layer, row);
        if (!st)
            st = executor_read_checkpoint(ex, trial->golden->spare_row, layer, row + n_embd);
        if (!st)
            (*out)[layer] = compare(row, row + n_embd, n_embd);
    }
    free(row);
    return st;
}

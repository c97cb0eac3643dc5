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

/* Calls `take` with each boundary's comparison, from row->first on, until it returns false. */
struct walk {
    bool (*take)(void *user, uint32_t layer, const struct trial_deviation *deviation);
    void *user;
};

static enum status each_boundary(const struct golden *golden, const struct deviation_row *row,
                                 const struct walk *walk)
{
    struct executor *ex = golden->params.ex;
    const uint32_t n_embd = ex->model->hp.n_embd, n_layers = ex->model->hp.n_layers;
    float *values = malloc(2 * (size_t)n_embd * sizeof *values);
    uint32_t clean;
    bool more = true;

    if (!values) {
        log_error("out of memory for a deviation of %u values", n_embd);
        return STATUS_MEMORY;
    }
    enum status st = golden_residuals(&clean, golden, row->position);
    for (uint32_t layer = row->first; layer <= n_layers && !st && more; layer++) {
        st = executor_read_checkpoint(ex, clean, layer, values);
        if (!st)
            st = executor_read_checkpoint(ex, row->row, layer, values + n_embd);
        if (st)
            break;
        const struct trial_deviation d = compare(values, values + n_embd, n_embd);
        more = walk->take(walk->user, layer, &d);
    }
    free(values);
    return st;
}

static bool keep(void *user, uint32_t layer, const struct trial_deviation *deviation)
{
    struct trial_deviation *out = user;
    out[layer] = *deviation;
    return true;
}

enum status deviation_read(struct trial_deviation *out, const struct golden *golden,
                           const struct deviation_row *row)
{
    return each_boundary(golden, row, &(struct walk){keep, out});
}

static bool is_equal(void *user, uint32_t layer, const struct trial_deviation *deviation)
{
    bool *equal = user;
    (void)layer;
    *equal = deviation->bits == 0;
    return *equal;
}

enum status deviation_none(bool *out, const struct golden *golden, const struct deviation_row *row)
{
    *out = true;
    return each_boundary(golden, row, &(struct walk){is_equal, out});
}

/* SPDX-License-Identifier: MIT */
/* One trial: a faulted run beside its golden run, whole (naive) or forked from golden state (fast).
 *
 * Both ways give the same record, bit for bit. */
#ifndef VKFI_INJECT_TRIAL_H
#define VKFI_INJECT_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/space/fault.h"
#include "model/generate.h"

/* The clean run that trials are compared with: on the same executor, residuals of every position
 * in checkpoint rows 0 .. n_evaluated - 1; row n_evaluated is for the trial's own. */
struct golden {
    struct generate_params params; /* ex, ids, n, sampler */
    struct generation run;
    uint32_t n_evaluated; /* positions evaluated: n_ids + n_tokens - 1 */
    uint32_t spare_row;
};

/* Executor settings a golden run of this shape and its trials need. */
void golden_needs(struct executor_params *params, uint32_t n_ids, uint32_t n);

enum status golden_run(struct golden *out, struct arena *arena,
                       const struct generate_params *params) STATUS_MUST_USE;

/* Residual entering a layer at the struck position (layer n_layers: the last hidden state). */
struct trial_deviation {
    double max_abs; /* largest |faulty - golden|; NaN or Inf as they come */
    double rel_l2;  /* |faulty - golden| / |golden| */
    uint32_t bits;  /* bits that differ (canonical NaN) */
};

struct record {
    struct fault fault;
    uint32_t activations, expected_activations;
    uint32_t before, after; /* raw bits */
    enum outcome outcome;
    uint32_t first_diff; /* step of the first differing token; EXECUTOR_NONE: none */
    int32_t *tokens;     /* (n_tokens) of the faulty run */
    uint32_t n_tokens;
    uint64_t hash;   /* of the faulty run's step hashes */
    bool nan_logits; /* some logit of the faulty run is Inf or NaN, of golden not */
    struct trial_deviation *deviation; /* (n_layers + 1), null where not reached */
};

enum trial_path { TRIAL_FAST, TRIAL_NAIVE };

/* STATUS_INTERNAL when the fault did not fire as often as predicted: that is a bug, never a result.
 * Memory of the record from `arena`. */
enum status trial_run(struct record *out, struct arena *arena, const struct golden *golden,
                      const struct fault *fault, enum trial_path path) STATUS_MUST_USE;

/* True if all comparable fields agree (design 2.1); else `why` names the first that does not. */
bool record_equal(const struct record *a, const struct record *b, uint32_t n_layers, char *why,
                  size_t why_size);

#endif

/* SPDX-License-Identifier: MIT */
/* The ready plan of a sweep: every op, point and bit the same number of times, layers drawn. */
#ifndef VKFI_INJECT_SWEEP_H
#define VKFI_INJECT_SWEEP_H

#include "inject/plan/plan.h"

#define SWEEP_TRIALS 6000 /* most runs by default, controls included */

struct sweep_params {
    const char *model;        /* name or path, as in the plan */
    const char *const *sites; /* (n_sites) patterns; none: all sites */
    size_t n_sites;
    uint32_t bit_first, bit_last;
    uint64_t trials; /* most runs, controls included */
    uint32_t n;      /* tokens of each prompt */
    uint64_t seed;
};

/* Makes the plan with its text (JSON, out->text), and reads it like a file. The selected cells of
 * `model` share the trials evenly: STATUS_INPUT if there are fewer than one per cell. Memory from
 * `arena`. */
enum status sweep_plan(struct plan *out, struct arena *arena, const struct sweep_params *params,
                       const struct model *model) STATUS_MUST_USE;

#endif

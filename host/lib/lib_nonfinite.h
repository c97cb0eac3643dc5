/* SPDX-License-Identifier: MIT */
/* The first Inf or NaN of a run without faults. */
#ifndef VKFI_LIB_NONFINITE_H
#define VKFI_LIB_NONFINITE_H

#include "inject/space/fault.h"
#include "model/generate.h"

/* Its place, by position, then by order of the graph. */
struct lib_nonfinite {
    bool found;
    const struct node *node;
    uint32_t position;
    uint32_t index; /* element of the node's output row, or of the K or V stored */
    float value;
    char site[FAULT_SITE_TEXT]; /* the node's, or "blk.1.kv_v" */
};

/* Whether some step's logits are not finite. */
bool lib_nonfinite_any(const struct generation *g);

/* Runs once more, watched, up to the first step whose logits are not finite; logs its finding as a
 * warning. `out->found` is false if all steps are finite. Needs a free branch. */
enum status lib_nonfinite_find(struct lib_nonfinite *out, struct arena *arena,
                               const struct generate_params *run,
                               const struct generation *g) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* What stays golden under faults (ENGINE.md 2): where each column has to start. */
#ifndef VKFI_INJECT_FAULT_REACH_H
#define VKFI_INJECT_FAULT_REACH_H

#include "inject/space/fault.h"

/* The faults of one trial, and the golden run, whose tokens are fed. */
struct fault_reach {
    const struct fault *faults; /* (n_faults) */
    uint32_t n_faults;
    const struct fault_bounds *bounds;
    const int32_t *tokens; /* (n_evaluated) fed to positions 0 .. n_evaluated - 1 */
    uint32_t n_evaluated;
    const uint16_t *experts; /* (n_evaluated, n_layers, n_used) that golden chose; null: none, or
                                not known */
};

#define FAULT_REACH_NONE UINT32_MAX

/* start[position] (n_evaluated): the layer at which the column has to start to be the faulty run's,
 * as long as golden's tokens hold: below, it is golden. n_layers: output norm and output only;
 * FAULT_REACH_NONE: all of it is golden, nothing strikes it, and no stale bits are read there. A
 * start at layer 0 is from the token, else from golden's checkpoint of that layer.
 *
 * The branch starts with all of golden's pages; recomputed columns overwrite them. Without any
 * column a fault still strikes memory (tap_strike) or golden's picks (tap_pick). */
void fault_reach(const struct fault_reach *reach, uint32_t *start);

/* False if no column of golden reads what the fault of a stored weight strikes, while it does: it
 * lies in experts that none of them chose. */
bool fault_reach_reads(const struct fault_reach *reach, const struct fault *fault);

#endif

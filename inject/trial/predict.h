/* SPDX-License-Identifier: MIT */
/* How often a fault that fires on a value pattern must have fired at its first position. */
#ifndef VKFI_INJECT_PREDICT_H
#define VKFI_INJECT_PREDICT_H

#include "inject/trial/lane.h"

/* False where bits in front of an element depend on what the fault did before: of several faults,
 * and of several elements of one chain of partials. */
bool predict_can(const struct lane *run);

/* There the fault still finds golden's bits: the same fault, changing nothing, is run on golden's
 * columns up to its position. `run`: a closed lane of one fault. */
enum status predict_first(uint64_t *out, const struct lane *run) STATUS_MUST_USE;

#endif

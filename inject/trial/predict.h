/* SPDX-License-Identifier: MIT */
/* How often a fault conditional on a value pattern must have fired at its first position. */
#ifndef VKFI_INJECT_PREDICT_H
#define VKFI_INJECT_PREDICT_H

#include "inject/trial/lane.h"

/* False where the bits that an element meets depend on earlier strikes: of several faults, and of
 * several elements of one chain of partials. */
bool predict_can(const struct lane *run);

/* At its first position the fault still meets golden's bits: a dry copy is run on golden's columns
 * up to there. `run`: a closed lane of one fault. */
enum status predict_first(uint64_t *out, const struct lane *run) STATUS_MUST_USE;

#endif

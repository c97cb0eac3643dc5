/* SPDX-License-Identifier: MIT */
/* Which experts golden's columns chose. */
#ifndef VKFI_INJECT_GOLDEN_EXPERTS_H
#define VKFI_INJECT_GOLDEN_EXPERTS_H

#include "inject/trial/golden.h"

/* (n_evaluated, n_layers, n_used), null for a model without experts. Weights must be clean. Memory
 * from `arena`. */
enum status golden_experts(const uint16_t **out, struct arena *arena,
                           const struct golden *golden) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Golden runs whose tokens are given: those of choices, and those that an earlier run gave. */
#ifndef VKFI_INJECT_GOLDEN_GIVEN_H
#define VKFI_INJECT_GOLDEN_GIVEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/trial/golden.h"

/* Columns from `position` to before `end`, on the run's branch; each that gives a token adds its
 * step. *out_same turns false if a generation picks another token than the given one, or ends
 * before it. */
enum status golden_given_feed(struct golden *golden, const struct golden_choice *own,
                              uint32_t position, uint32_t end, bool *out_same) STATUS_MUST_USE;

/* The run of golden_params.known. *out_same false: it has other tokens, and nothing is left of it.
 */
enum status golden_given_run(struct golden *golden, struct arena *arena,
                             const struct golden_params *params, bool *out_same) STATUS_MUST_USE;

#endif

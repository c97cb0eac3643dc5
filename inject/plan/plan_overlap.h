/* SPDX-License-Identifier: MIT */
/* Items that two pieces of a study share: profile, calibration and evaluation must share none. */
#ifndef VKFI_INJECT_PLAN_OVERLAP_H
#define VKFI_INJECT_PLAN_OVERLAP_H

#include "inject/plan/plan.h"

/* Names of items, sorted, each once. */
struct plan_overlap {
    const char **name; /* (n) */
    uint32_t n;
};

/* A plan's items: "gsm8k/17" (task and id of the record) or, of prompts of no task, "prompt:" with
 * the first 16 digits of the SHA-256 of its text or ids. Memory from `arena`. */
enum status plan_overlap_list(struct plan_overlap *out, struct arena *arena,
                              const struct plan *plan) STATUS_MUST_USE;

/* STATUS_INPUT (logged, one line that names some of them) if `used` has one of `items`. The line
 * starts with `where` and says what the items are used for: "the profile of .." */
enum status plan_overlap_check(const struct plan_overlap *items, const struct plan_overlap *used,
                               const char *where, const char *what) STATUS_MUST_USE;

#endif

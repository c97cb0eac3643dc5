/* SPDX-License-Identifier: MIT */
/* Campaigns that estimate some strata of another one anew, on fresh faults. */
#ifndef VKFI_INJECT_PLAN_CONFIRM_H
#define VKFI_INJECT_PLAN_CONFIRM_H

#include "inject/plan/plan.h"

/* The member "confirm" of a plan. */
void plan_confirm_put(struct json_writer *w, const struct plan_confirm *confirm);

/* Whether the confirming plan draws the stratum of this label. */
bool plan_confirm_has(const struct plan_confirm *confirm, const char *label);

struct plan_confirm_request {
    const struct plan *plan;  /* of the campaign whose strata are estimated anew */
    const char *const *label; /* (count) */
    uint32_t count;
    uint64_t trials; /* sampling.trials; for another goal only with `by_trials` */
    bool by_trials;  /* this many instead of the plan's goal, the same in each stratum */
    uint64_t seed;   /* other than the plan's */
};

/* The plan with those strata alone, without hypotheses and stopping rule; out->text is its JSON,
 * with prompts inline. Memory from `arena`. */
enum status plan_confirm_make(struct plan *out, struct arena *arena,
                              const struct plan_confirm_request *request) STATUS_MUST_USE;

#endif

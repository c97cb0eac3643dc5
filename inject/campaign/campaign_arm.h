/* SPDX-License-Identifier: MIT */
/* The arms of a plan on one device: their protections, opened, and which trials run under them. */
#ifndef VKFI_INJECT_CAMPAIGN_ARM_H
#define VKFI_INJECT_CAMPAIGN_ARM_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/plan/plan.h"
#include "inject/store/trial_row.h"
#include "inject/trial/trial.h"
#include "mitigations/protector.h"

#define CAMPAIGN_ARM_SHARE                                                                         \
    20u /* one masked trial in so many runs under the arms, and counts as all */

/* How many trials the run of this one under an arm stands for: 1 if the outcome without protection
 * is not masked, else CAMPAIGN_ARM_SHARE for a seeded share and 0 (it does not run) for the
 * others. */
uint32_t campaign_arm_weight(const struct plan *plan, const struct trial_row *row);

/* The clean run of an item has this number in the place of a trial's. */
static inline int64_t campaign_arm_clean(uint32_t item)
{
    return -1 - (int64_t)item;
}
static inline bool campaign_arm_is_clean(int64_t trial)
{
    return trial < 0;
}

/* Fields of FIELD_ARM but the weight, of a record in an arm; `n_prompt`: positions of the
 * prompt. */
void campaign_arm_put(struct trial_row *row, const struct record *record, uint32_t n_prompt);

/* STATUS_INPUT (logged) if the calibration of an arm is not the plan's, is of another model, or has
 * seen an item of the plan, or if a policy was chosen on one: what they are worth would be judged
 * by what they know. */
enum status campaign_arm_check(const struct plan *plan, const struct model *model) STATUS_MUST_USE;

struct campaign_arms {
    struct arena arena;
    struct protector *protector[PLAN_ARMS_MOST]; /* null: not opened yet */
};

/* Golden's decoder under the protections of an arm, which the first call opens on golden's
 * executor. Memory from `arena`. STATUS_INPUT (logged): the calibration is not the plan's, or of
 * another model. */
struct campaign_arm {
    const struct plan *plan;
    uint32_t index;
};
enum status campaign_arms_decode(struct campaign_arms *arms, struct arena *arena,
                                 const struct campaign_arm *arm, const struct golden *golden,
                                 struct decode *out) STATUS_MUST_USE;
void campaign_arms_finish(struct campaign_arms *arms);

/* The fault of a clean run: it changes nothing. STATUS_INTERNAL: the model has no site. */
enum status campaign_arm_dry(struct fault *out, const struct model *model) STATUS_MUST_USE;

#endif

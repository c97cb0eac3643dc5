/* SPDX-License-Identifier: MIT */
/* The hook variants that faults need: one for each way in which a device runs a hook. */
#ifndef VKFI_INJECT_CAMPAIGN_VARIANT_H
#define VKFI_INJECT_CAMPAIGN_VARIANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/trial/trial.h"

/* Variants that were dry-run; all zeros: none. */
struct campaign_variant_set {
    uint64_t *key; /* (count), owned */
    size_t count, room;
};
void campaign_variant_finish(struct campaign_variant_set *set);

/* Faults that change nothing. */
struct campaign_variant_dry {
    struct fault *fault; /* (count) */
    uint32_t count;
};

/* The index of the one with the variant of a fault; dry->count: none. */
uint32_t campaign_variant_find(const struct campaign_variant_dry *dry, const struct model *model,
                               const struct fault *fault);

/* One for each variant of the jobs that is not in the set: the fault of the first job that needs
 * it, dry. Memory from `arena`. */
enum status campaign_variant_missing(struct campaign_variant_dry *out, struct arena *arena,
                                     const struct campaign_variant_set *set,
                                     const struct model *model,
                                     const struct trial_jobs *jobs) STATUS_MUST_USE;

/* Adds them to the set after they have run. */
enum status campaign_variant_add(struct campaign_variant_set *set, const struct model *model,
                                 const struct campaign_variant_dry *dry) STATUS_MUST_USE;

#endif

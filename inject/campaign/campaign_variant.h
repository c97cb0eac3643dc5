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

/* A dry fault for each variant of the jobs that is not in the set: *out (*out_count), the fault of
 * the first job that needs it with the kind `dry`. Memory from `arena`. */
enum status campaign_variant_missing(const struct campaign_variant_set *set, struct arena *arena,
                                     const struct model *model, const struct trial_jobs *jobs,
                                     struct fault **out, uint32_t *out_count) STATUS_MUST_USE;

/* They have been run: puts them into the set. */
enum status campaign_variant_add(struct campaign_variant_set *set, const struct model *model,
                                 const struct fault *dry, uint32_t count) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Which hook variants a campaign's rows prove to fire, of those that its plan could draw. */
#ifndef VKFI_INJECT_CAMPAIGN_COVERAGE_H
#define VKFI_INJECT_CAMPAIGN_COVERAGE_H

#include <stdbool.h>

#include "inject/campaign/campaign_variant.h"
#include "inject/plan/plan.h"
#include "inject/store/store.h"

struct campaign_coverage {
    struct campaign_variant_dry variant; /* one fault of each that the plan could draw */
    struct store_device *device;         /* (n_devices) */
    uint32_t n_devices;
    /* (n_devices * variant.count), by device: a row of that device has activations there */
    bool *fired;
};

/* The campaign of the rows. */
struct campaign_coverage_of {
    const struct store *store;
    const struct plan *plan;
    const struct model *model;
};

/* Draws the fault of every row again. Memory from `arena`. */
enum status campaign_coverage_read(struct campaign_coverage *out, struct arena *arena,
                                   const struct campaign_coverage_of *of) STATUS_MUST_USE;

/* Variants that fired on a device. */
uint32_t campaign_coverage_fired(const struct campaign_coverage *coverage, uint32_t device);

#endif

/* SPDX-License-Identifier: MIT */
/* A worker's own side: opens its device, runs its batches, answers with rows. */
#ifndef VKFI_INJECT_CAMPAIGN_WORKER_H
#define VKFI_INJECT_CAMPAIGN_WORKER_H

#include "inject/campaign/campaign.h"
#include "inject/campaign/campaign_channel.h"
#include "inject/campaign/campaign_items.h"
#include "inject/plan/sample.h"
#include "inject/trial/certify.h"

/* How the trials of a CAMPAIGN_WORK message are run. */
enum campaign_way {
    CAMPAIGN_WAY_OPEN,   /* no trials: shows that the device can be opened            */
    CAMPAIGN_WAY_GOLDEN, /* no trials: the golden runs of all items without one       */
    CAMPAIGN_WAY_FAST,   /* forked from golden state                                  */
    CAMPAIGN_WAY_NAIVE,  /* each a whole inference                                    */
    CAMPAIGN_WAY_CPU,    /* as FAST, on the reference alone                           */
    CAMPAIGN_WAY_SHADOW, /* as FAST; the rows are compared with a control's, not kept */
    CAMPAIGN_WAY_COUNT,
    CAMPAIGN_WAY_ARM = CAMPAIGN_WAY_COUNT /* this plus an index of plan.arm: under its policy */
};

/* What workers share in memory: made before they are forked. */
struct campaign_world {
    const struct campaign_setup *setup;
    struct campaign_item *item;    /* (plan->n_items) */
    const struct sample *sample;   /* null: golden runs only */
    const struct certify *certify; /* null: every token is computed */
};

/* Index of the arm of a way; false: it runs without protection. */
static inline bool campaign_way_arm(uint32_t way, uint32_t *out)
{
    *out = way - CAMPAIGN_WAY_ARM;
    return way >= CAMPAIGN_WAY_ARM;
}

/* What a batch's id runs on an item: a drawn trial, or a clean run (campaign_arm.h). Memory from
 * `arena`. */
enum status campaign_worker_draw(const struct campaign_world *world, uint64_t id, uint32_t item,
                                 struct arena *arena, struct sample_draw *out) STATUS_MUST_USE;

/* The limits of coordinates of an item's faults. */
struct fault_bounds campaign_worker_bounds(const struct campaign_world *world, uint32_t item);

/* campaign_crew_owner.work for device `index` of the setup. */
enum status campaign_worker_serve(const struct campaign_world *world, uint32_t index,
                                  struct campaign_channel *channel) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* The workers of a setup: each device works from the campaign's memory. */
#ifndef VKFI_INJECT_CAMPAIGN_TEAM_H
#define VKFI_INJECT_CAMPAIGN_TEAM_H

#include "inject/campaign/campaign_crew.h"
#include "inject/campaign/campaign_worker.h"

/* campaign_crew_run with the first `n_devices` of world->setup. */
enum status campaign_team_run(const struct campaign_world *world, uint32_t n_devices,
                              const struct campaign_crew_owner *owner) STATUS_MUST_USE;

#endif

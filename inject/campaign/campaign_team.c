/* SPDX-License-Identifier: MIT */
/* From a setup to the settings of a crew. */
#include "inject/campaign/campaign_team.h"

#include "model/gguf.h"

static enum status work(const void *world, uint32_t device, struct campaign_channel *channel)
{
    return campaign_worker_serve(world, device, channel);
}

enum status campaign_team_run(const struct campaign_world *world, uint32_t n_devices,
                              const struct campaign_crew_owner *owner)
{
    const struct campaign_setup *setup = world->setup;
    const char *name[CAMPAIGN_DEVICES_MAX];
    for (uint32_t i = 0; i < n_devices && i < CAMPAIGN_DEVICES_MAX; i++)
        name[i] = setup->device[i].name;
    const struct campaign_crew_params params = {.name = name,
                                                .n_devices = n_devices,
                                                .work = work,
                                                .world = world,
                                                .retry = setup->plan->retry,
                                                .watchdog = setup->watchdog,
                                                .stop = setup->stop,
                                                .leave = setup->leave,
                                                .file = gguf_file(setup->model->gguf)};
    return campaign_crew_run(&params, owner);
}

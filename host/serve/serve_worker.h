/* SPDX-License-Identifier: MIT */
/* The process that holds model and device: takes requests from its channel, runs their choices,
 * sends answers. */
#ifndef VKFI_SERVE_SERVE_WORKER_H
#define VKFI_SERVE_SERVE_WORKER_H

#include "inject/campaign/campaign_channel.h"
#include "lib/vkfi.h"
#include "serve/serve.h"
#include "serve/serve_request.h"

struct serve_worker {
    const struct serve_params *params;
    struct campaign_channel *channel;
    struct serve_request_rules rules;
    struct serve_fault fault; /* of every request */
    uint64_t draws;           /* random ones so far, and a number of this start */
    vkfi_model *model;
    vkfi_device *device;
    struct serve_job *jobs, **last; /* in the order in which they came */
    uint32_t running;               /* choices with a session */
    vkfi_turn *turn;                /* (sessions) of the step at hand */
    struct serve_choice **turned;   /* (sessions) whose they are */
    struct arena arena;
};

/* Until the channel is closed. A status that ends it says that the device is of no use any more. */
enum status serve_worker_run(const struct serve_params *params,
                             struct campaign_channel *channel) STATUS_MUST_USE;

#endif

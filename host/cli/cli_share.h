/* SPDX-License-Identifier: MIT */
/* How many threads each CPU device gets where several devices compute on the processor at once. */
#ifndef VKFI_CLI_SHARE_H
#define VKFI_CLI_SHARE_H

#include <stdint.h>

#include "cli/cli_env.h"
#include "inject/campaign/campaign.h"

/* Who computes on the processor at the same time. */
struct cli_share {
    uint64_t threads;  /* --threads; 0: all cores */
    uint32_t n_cpu;    /* CPU devices that run trials */
    uint32_t n_vulkan; /* the others' texts: some may run on the processor too */
    const char *vulkan[CAMPAIGN_DEVICES_MAX];
};

/* Notes a device of -d; `out_place`: its place among the CPU devices. */
void cli_share_add(struct cli_share *share, const char *device, uint32_t *out_place);

/* Threads of the CPU device at `place`, at least 1; 0: all cores. Call it in the process of that
 * device: where Vulkan devices run beside it, drivers are loaded to see which are on the processor.
 * A driver that runs there counts as one device; it sets its own number of threads. */
uint32_t cli_share_threads(const struct cli_share *share, const struct cli_env *env,
                           uint32_t place);

#endif

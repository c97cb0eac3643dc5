/* SPDX-License-Identifier: MIT */
/* What `campaign run` and `replay` share: the plan's model, devices that workers open, identity. */
#ifndef VKFI_CLI_CREW_H
#define VKFI_CLI_CREW_H

#include "base/arena.h"
#include "base/args.h"
#include "base/status.h"
#include "cli/cli_device.h"
#include "cli/cli_env.h"
#include "cli/cli_share.h"
#include "inject/campaign/campaign.h"

/* A device as -d names it; opened in a worker's process only. */
struct cli_crew_device {
    const struct cli_env *env;
    const char *text;
    const struct cli_share *share;
    uint32_t place; /* among those that share the cores */
    struct cli_device device;
    struct arena arena; /* texts of what was opened */
};

struct cli_crew {
    struct arena arena;
    struct plan plan;
    struct model *model;
    struct cli_share share;
    struct cli_crew_device user[CAMPAIGN_DEVICES_MAX];
    struct campaign_device device[CAMPAIGN_DEVICES_MAX];
    struct campaign_setup setup;
    struct store_identity identity; /* all but trials and shard */
};

/* The devices of -d (none: cpu), with the CPU device for golden runs; no device is opened. They
 * share `threads` threads (0: as many as cores). STATUS_USAGE for a CPU form that there is not. */
enum status cli_crew_devices(struct cli_crew *crew, const struct cli_env *env,
                             const struct args_list *devices, uint64_t threads) STATUS_MUST_USE;

/* Opens the model of crew->plan and fills in setup and identity. */
enum status cli_crew_open(struct cli_crew *crew, const struct cli_env *env) STATUS_MUST_USE;
void cli_crew_finish(struct cli_crew *crew);

/* SIGINT and SIGTERM are counted from here on: the first lets what runs finish, the second does
 * not.
 */
void cli_crew_catch(struct cli_crew *crew);

/* Once all is closed: a process that was interrupted ends by the signal, so that its caller knows.
 */
void cli_crew_reraise(void);

#endif

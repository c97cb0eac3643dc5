/* SPDX-License-Identifier: MIT */
/* What `campaign run` and `sweep` share: a plan that is there, run on the devices of -d. */
#ifndef VKFI_CLI_CAMPAIGN_RUN_H
#define VKFI_CLI_CAMPAIGN_RUN_H

#include "cli/cli_campaign_progress.h"
#include "cli/cli_crew.h"

struct cli_campaign_call {
    const struct args_list *devices;
    const char *shard; /* null: no --shard */
    uint64_t limit;
    bool whole; /* no shard, whatever the launcher's variables say */
    bool naive, json;
};

struct cli_campaign {
    const struct cli_campaign_call *call;
    struct cli_crew *crew; /* owned */
    struct campaign_shard shard;
    struct cli_campaign_progress progress;
    struct campaign_progress end;
    bool ended; /* `end` is filled in */
};

/* Devices and shard, checked without a file; the call lives as long. Close it whatever the status.
 */
enum status cli_campaign_open(struct cli_campaign *out, const struct cli_env *env,
                              const struct cli_campaign_call *call) STATUS_MUST_USE;

/* Runs crew->plan, which the caller has filled in, into the database. */
enum status cli_campaign_run(struct cli_campaign *c, const struct cli_env *env,
                             const char *database) STATUS_MUST_USE;

/* `st`: how all went; a process that was interrupted without an error ends by the signal. */
void cli_campaign_close(struct cli_campaign *c, enum status st);

#endif

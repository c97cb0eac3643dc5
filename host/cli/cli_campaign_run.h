/* SPDX-License-Identifier: MIT */
/* What `campaign run`, `sweep` and a pilot share: a plan that is there, run on the devices of -d.
 */
#ifndef VKFI_CLI_CAMPAIGN_RUN_H
#define VKFI_CLI_CAMPAIGN_RUN_H

#include "cli/cli_campaign_progress.h"
#include "cli/cli_crew.h"
#include "inject/report/report_watch.h"

struct cli_campaign_call {
    const struct args_list *devices;
    const char *shard; /* null: no --shard */
    uint64_t threads;  /* --threads */
    uint64_t limit;
    double seconds; /* a pilot: ends after about so long, whatever its plan asks; 0: no pilot */
    bool whole;     /* no shard, whatever the launcher's variables say */
    bool naive, json;
};

struct cli_campaign {
    const struct cli_campaign_call *call;
    struct cli_crew *crew; /* owned */
    struct campaign_shard shard;
    struct cli_campaign_progress progress;
    const char *database; /* in use, once cli_campaign_run has begun */
    char *scratch;        /* the folder of a database that is not kept, or null */
    bool watched;         /* the plan asks a question that ends the campaign: */
    struct report_watch watch;
    double began;                                    /* time of the first hand-out, 0 before */
    uint64_t before;                                 /* trials that were done then */
    struct campaign_progress end;                    /* once `ended` */
    struct campaign_rate rate[CAMPAIGN_DEVICES_MAX]; /* (end.n_rates) */
    bool ended;
};

/* Devices and shard, checked without a file; the call lives as long. Close it whatever the status.
 */
enum status cli_campaign_open(struct cli_campaign *out, const struct cli_env *env,
                              const struct cli_campaign_call *call) STATUS_MUST_USE;

/* Runs crew->plan, which the caller has filled in, into the database; null: into one that is gone
 * after cli_campaign_close. */
enum status cli_campaign_run(struct cli_campaign *c, const struct cli_env *env,
                             const char *database) STATUS_MUST_USE;

/* A signal came before all was done, perhaps before the first trial. */
bool cli_campaign_interrupted(const struct cli_campaign *c);

/* Prints what there is to say of it: trials, SDC share, the answer to the plan's question. */
void cli_campaign_summary(const struct cli_campaign *c);

/* `st`: how all went; a process that was interrupted without an error ends by the signal. */
void cli_campaign_close(struct cli_campaign *c, enum status st);

#endif

/* SPDX-License-Identifier: MIT */
/* Trials in worker processes: devices, model and identity of a crew, and its campaigns, for
 * `campaign run`, `replay`, `sweep` and the pilots of `plan show`. */
#ifndef VKFI_CLI_CAMPAIGN_H
#define VKFI_CLI_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/cli_device.h"
#include "inject/campaign/campaign.h"
#include "inject/report/report_watch.h"

/* --- a crew: the plan's model, devices that workers open, identity --- */

/* The devices that compute on the processor at the same time. */
struct cli_share {
    uint64_t threads;  /* --threads; 0: all cores */
    uint32_t n_cpu;    /* CPU devices that run trials */
    uint32_t n_vulkan; /* texts of the others: some may run on the processor too */
    const char *vulkan[CAMPAIGN_DEVICES_MAX];
};

/* A device of -d, opened only in a worker's process. */
struct cli_crew_device {
    const struct cli_env *env;
    const char *text;
    const struct cli_share *share;
    uint32_t place; /* among those that share the cores */
    struct lib_device device;
    struct arena arena; /* texts of open devices */
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
 * share `threads` threads (0: as many as cores). STATUS_USAGE for an unknown CPU form. */
enum status cli_crew_devices(struct cli_crew *crew, const struct cli_env *env,
                             const struct args_list *devices, uint64_t threads) STATUS_MUST_USE;

/* Opens the model of crew->plan and fills in setup and identity. */
enum status cli_crew_open(struct cli_crew *crew, const struct cli_env *env) STATUS_MUST_USE;
void cli_crew_finish(struct cli_crew *crew);

/* SHA-256 over name and words of every shader of this build, in the table's order. */
enum status cli_crew_shaders(const char **out, struct arena *arena) STATUS_MUST_USE;

/* Counts SIGINT and SIGTERM from here on: the first lets running trials finish, the second ends
 * them. */
void cli_crew_catch(struct cli_crew *crew);

/* After closing: an interrupted process ends by the signal, so that its caller knows. */
void cli_crew_reraise(void);

/* --- progress: refreshed lines on a terminal, plain lines elsewhere, JSON lines --- */

struct cli_campaign_progress {
    bool json;      /* one object per line on standard output */
    bool terminal;  /* standard error is one */
    uint32_t lines; /* of the shown block, which is overwritten */
    double last;    /* time of the last lines */
    bool told;      /* that a signal has come */
    const char *database;
};

void cli_campaign_progress_init(struct cli_campaign_progress *out, const char *database, bool json);

/* "SDC 3 of 150 (2.00 %); weighted over strata 0.1 % [0.0, 11.0] (95 %: exact, n = 31.24)": the
 * share as drawn, and with enough prompts the rate with its interval, "weighted" if it differs. */
#define CLI_CAMPAIGN_RATE 320
void cli_campaign_progress_rate(char out[CLI_CAMPAIGN_RATE], const struct campaign_progress *p);

/* A look of the plan at the campaign. */
void cli_campaign_progress_look(const struct cli_campaign_progress *progress,
                                const struct report_gate *gate, const struct plan_gate *question);

/* campaign_params.event, with a struct cli_campaign_progress as user. */
void cli_campaign_progress_event(void *user, const struct campaign_event *event);

/* --- a campaign: an opened plan, run on the devices of -d --- */

struct cli_campaign_call {
    const struct args_list *devices;
    const char *shard; /* null: no --shard */
    uint64_t threads;  /* --threads */
    uint64_t limit;
    double seconds; /* a pilot: ends after about this time, whatever its plan; 0: no pilot */
    bool whole;     /* no shard, whatever the launcher's variables say */
    bool naive, json;
};

struct cli_campaign {
    const struct cli_campaign_call *call;
    struct cli_crew *crew; /* owned */
    struct campaign_shard shard;
    struct cli_campaign_progress progress;
    const char *database; /* in use, after the start of cli_campaign_run */
    char *scratch;        /* the folder of a temporary database, or null */
    bool watched;         /* the plan asks a question that ends the campaign: */
    struct report_watch watch;
    double began;                                    /* time of the first dispatch, 0 before */
    uint64_t before;                                 /* trials done by then */
    struct campaign_progress end;                    /* once `ended` */
    struct campaign_rate rate[CAMPAIGN_DEVICES_MAX]; /* (end.n_rates) */
    bool ended;
};

/* Checks devices and shard without a file. `call` lives as long; close it in any case. */
enum status cli_campaign_open(struct cli_campaign *out, const struct cli_env *env,
                              const struct cli_campaign_call *call) STATUS_MUST_USE;

/* Runs crew->plan, which the caller has filled in, into the database; null: into one that
 * cli_campaign_close removes. */
enum status cli_campaign_run(struct cli_campaign *c, const struct cli_env *env,
                             const char *database) STATUS_MUST_USE;

/* A signal came before all was done, perhaps before the first trial. */
bool cli_campaign_interrupted(const struct cli_campaign *c);

/* Prints trials, SDC share, and the answer to the plan's question. */
void cli_campaign_summary(const struct cli_campaign *c);

/* Prints which answers the faults of a database cost, by group of tasks, stratum and task; nothing
 * if no item has a score. Shares with intervals only once all trials are done. */
enum status cli_campaign_answers(const char *database) STATUS_MUST_USE;

/* `st`: how all went; if it was interrupted without an error the process ends by the signal. */
void cli_campaign_close(struct cli_campaign *c, enum status st);

#endif

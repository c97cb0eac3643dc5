/* SPDX-License-Identifier: MIT */
/* Shared by the files of `vkfi plan`: options, and a plan opened with its model and sample. */
#ifndef VKFI_CLI_PLAN_H
#define VKFI_CLI_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "inject/campaign/campaign_crew.h"
#include "inject/plan/plan.h"
#include "inject/plan/sample.h"
#include "inject/stats/stats_cluster.h"
#include "inject/stats/stats_plan.h"

struct cli_plan_options {
    const char *model, *lengths;
    uint64_t trial, first, limit, pilot, threads;
    bool json, allow_suspect;
    struct args_list rates, devices;
    uint64_t worst, seed,
        trials; /* confirm: trials of a stratum, 0: as many as before; extend: of the wave */
    const char *output; /* null: standard output */
};

struct cli_plan {
    struct arena arena;
    struct plan plan;
    struct model *model;
    struct sample_item *item; /* (plan.n_items) */
    struct sample *sample;
};

/* Loads the plan, opens its model (or options->model), and makes the sample. Lengths: prompts by
 * the tokenizer and tokens by the plan, or both from options->lengths. */
enum status cli_plan_open(struct cli_plan *out, const struct cli_env *env, const char *path,
                          const struct cli_plan_options *options) STATUS_MUST_USE;
void cli_plan_close(struct cli_plan *plan);

/* Actions with files of their own. */
enum status cli_plan_show(const struct cli_env *env, const void *options,
                          const struct args_list *operands) STATUS_MUST_USE;
enum status cli_plan_expand(const struct cli_env *env, const void *options,
                            const struct args_list *operands) STATUS_MUST_USE;
enum status cli_plan_diff(const struct cli_env *env, const void *options,
                          const struct args_list *operands) STATUS_MUST_USE;

/* True if the file has SQLite's header: a campaign, not a plan. */
bool cli_plan_is_database(const char *path);

/* No trial chosen; no seed given. */
#define CLI_PLAN_NO_TRIAL UINT64_MAX
#define CLI_PLAN_NO_SEED UINT64_MAX

/* --- a pilot: some hundred trials of a plan on each device, for its speed and the plan's precision
 * --- */

/* A device and the plan's time on it: from --rate, or from its pilot. */
struct cli_plan_speed {
    char name[64];
    double per_second;     /* trials, after a prompt's start */
    double prompt_seconds; /* of a prompt's start: golden run, dry runs of hooks; 0 with --rate */
    double hours;          /* of the whole plan on this device alone */
};

/* Results of the longest pilot; NaN: not known. */
struct cli_plan_share {
    uint64_t counted, events; /* SDC among counted trials */
    uint32_t prompts;         /* of these trials */
    double rate;              /* weighted; NaN if strata have no weights, or one has no trial yet */
    struct stats_cluster_interval interval; /* two-sided, at the plan's confidence */
    double design_effect;                   /* of the rate */
    struct stats_plan_components parts;
    double planned;    /* trials per prompt in the plan */
    double effect;     /* the design effect with these */
    uint64_t best;     /* trials per prompt with the best precision for their cost */
    double half_width; /* of the plan's total at this rate and effect */
};

struct cli_plan_pilot {
    uint32_t trials; /* on each device, at most */
    uint32_t n_speeds;
    struct cli_plan_speed speed[CAMPAIGN_DEVICES_MAX]; /* (n_speeds) one per device of -d */
    struct cli_plan_share share;
};

/* Runs the pilots, device after device. A device's trials are a campaign's first ones, of a few
 * prompts; the rows are dropped. */
enum status cli_plan_pilot(struct cli_plan_pilot *out, const struct cli_env *env, const char *path,
                           const struct cli_plan *plan,
                           const struct cli_plan_options *options) STATUS_MUST_USE;

/* Fills in speed->hours. */
void cli_plan_pilot_hours(struct cli_plan_speed *speed, const struct cli_plan *plan);

/* The lines and the members of `plan show`. */
void cli_plan_pilot_print(const struct cli_plan_pilot *pilot, const struct cli_plan *plan);
void cli_plan_pilot_json(struct json_writer *w, const struct cli_plan_pilot *pilot);

#endif

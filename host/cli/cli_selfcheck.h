/* SPDX-License-Identifier: MIT */
/* Shared by the files of `vkfi selfcheck`: devices, their golden runs and their records. */
#ifndef VKFI_CLI_SELFCHECK_H
#define VKFI_CLI_SELFCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"
#include "cli/cli.h"
#include "inject/trial/trial.h"

struct cli_selfcheck_options {
    const char *model, *prompt;
    struct args_list devices; /* the first is the reference */
    uint64_t n, faults, seed, threads;
    int act, kv; /* enum storage */
    bool json;
};

/* One fault on one device. */
struct cli_selfcheck_trial {
    struct record record;            /* of the fast path */
    bool agrees;                     /* with the reference's record, bit for bit */
    char why[FIELD_DIFFERENCE_TEXT]; /* the first field that differs */
};

struct cli_selfcheck_device {
    const char *name; /* as given */
    char device[256], driver[256];
    struct generation run; /* the golden run */
    uint32_t first_diff;   /* first step whose hash is not the reference's; EXECUTOR_NONE: none */
    struct cli_selfcheck_trial *trial; /* (faults) */
    double golden_seconds, fault_seconds;
};

struct cli_selfcheck {
    struct cli_selfcheck_options options;
    const struct cli_env *env;
    struct arena arena;
    struct model *model;
    int32_t *ids; /* (n_ids) */
    uint32_t n_ids;
    struct fault_bounds bounds;
    struct fault *faults; /* (options.faults) */
    bool *naive_agrees;   /* (options.faults) fast and whole runs, on the reference */
    struct cli_selfcheck_device *device; /* (options.devices.count) */
    struct text text;                    /* of the reference's golden run */
    uint32_t disagreements;              /* steps or records that differ on any device */
};

/* Opens the model of `options` and runs everything on each device in turn, then counts what
 * disagrees; `check` has its environment and options. */
enum status cli_selfcheck_run(struct cli_selfcheck *check) STATUS_MUST_USE;
void cli_selfcheck_finish(struct cli_selfcheck *check);

void cli_selfcheck_print(const struct cli_selfcheck *check);
enum status cli_selfcheck_json(const struct cli_selfcheck *check) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* What the files of `vkfi bench campaign` share: settings and figures of one device. */
#ifndef VKFI_CLI_BENCH_CAMPAIGN_H
#define VKFI_CLI_BENCH_CAMPAIGN_H

#include <stdint.h>

#include "base/status.h"
#include "cli/cli_bench_devices.h"
#include "inject/trial/trial.h"

#define CLI_BENCH_LEVELS 3

/* The workload is fixed (README.md of this folder): only its size may be chosen. */
struct cli_bench_campaign_options {
    uint64_t trials, naive, weights, threads, lanes, columns, seed;
};

/* A number of trials of one kind, run in one way. */
struct cli_bench_rate {
    uint32_t trials;
    double seconds, cpu_seconds; /* wall; of all threads */
};

/* Plain data: it crosses a pipe. */
struct cli_bench_campaign_figures {
    struct cli_bench_device opened;
    double golden_seconds;
    uint64_t peak_bytes, device_bytes;
    struct cli_bench_rate naive[CLI_BENCH_LEVELS], fast[CLI_BENCH_LEVELS]; /* by record level */
    uint32_t classes[OUTCOME_COUNT];                 /* of the fast trials, by record of outcomes */
    struct cli_bench_rate by_class[OUTCOME_COUNT];   /* the trials of one class alone */
    struct cli_bench_rate weight_naive, weight_fast; /* stored faults, by record of outcomes */
    struct trial_work work;                          /* of fast[RECORD_OUTCOME] */
    uint32_t differing; /* naive records that are not the fast ones: 0, or it is a bug */
};

enum status cli_bench_campaign(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;

/* Opens model and device in this process and measures; once a process. */
enum status cli_bench_trials(struct cli_bench_campaign_figures *out,
                             const struct cli_bench_campaign_options *options,
                             const struct cli_env *env, const char *device) STATUS_MUST_USE;

#endif

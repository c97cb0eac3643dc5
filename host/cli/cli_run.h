/* SPDX-License-Identifier: MIT */
/* A run: its options, and its open objects. */
#ifndef VKFI_CLI_RUN_H
#define VKFI_CLI_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/cli_device.h"
#include "cli/cli_prompt.h"
#include "lib/vkfi_impl.h"

struct cli_run_options {
    const char *model, *device, *fault, *protect;
    struct cli_prompt prompt;
    struct args_list stops;
    uint64_t n, top_k, seed, top, threads, columns;
    double temperature;
    int act, kv, mode; /* index of the choice; act and kv are enum storage */
    bool json, logprobs, ignore_end, naive;
};

struct cli_run {
    struct cli_run_options options;
    const struct cli_env *env;
    struct arena arena;
    vkfi_model *model;
    vkfi_device *device;
    vkfi_session *session;
    int32_t *ids; /* (n_ids) prompt */
    uint32_t n_ids;
    struct cli_progress progress;
    double load_seconds;
};

/* Runs and prints: text as it comes, the object, or the golden run and a trial for each fault. */
enum status cli_run_print(struct cli_run *run) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Options of `vkfi protect`, and its actions in files of their own. */
#ifndef VKFI_CLI_PROTECT_H
#define VKFI_CLI_PROTECT_H

#include "cli/cli.h"

#define CLI_PROTECT_ALL UINT64_MAX

struct cli_protect_options {
    const char *model, *device, *prompt, *data, *output;
    struct args_list tasks;
    uint64_t n, pairs, threads, random; /* random: seed; 0: sites by harm */
    uint64_t trials, trial, seed;       /* of strike; trial: alone, or CLI_PROTECT_ALL */
    double budget;                      /* % of a request's work */
    double eps;                         /* % of flips of bits that are not kept */
    int act, kv;                        /* enum storage */
    int split;                          /* enum task_split */
    int processor;                      /* 1: processor time, over that of the wall */
    bool json, allow_suspect;
};

/* bench POLICY: what a clean run pays for its protection. */
enum status cli_protect_bench(const struct cli_env *env, const void *options,
                              const struct args_list *operands) STATUS_MUST_USE;

/* strike POLICY: what faults in the protections' own memory do to clean runs. */
enum status cli_protect_strike(const struct cli_env *env, const void *options,
                               const struct args_list *operands) STATUS_MUST_USE;

/* clean POLICY: held-out items keep their bits; alarms of each protection. */
enum status cli_protect_clean(const struct cli_env *env, const void *options,
                              const struct args_list *operands) STATUS_MUST_USE;

/* calibrate: bounds and features of clean runs, to a file. */
enum status cli_protect_calibrate(const struct cli_env *env, const void *options,
                                  const struct args_list *operands) STATUS_MUST_USE;

/* plan DB: which sites to compute twice for a budget. */
enum status cli_protect_plan(const struct cli_env *env, const void *options,
                             const struct args_list *operands) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Options of `vkfi protect`, and its actions in files of their own. */
#ifndef VKFI_CLI_PROTECT_H
#define VKFI_CLI_PROTECT_H

#include "cli/cli.h"
#include "cli/cli_device.h"
#include "cli/cli_protection.h"
#include "inject/stats/stats_quantile.h"
#include "model/generate.h"

#define CLI_PROTECT_ALL UINT64_MAX

struct cli_protect_options {
    const char *model, *device, *prompt, *data, *output;
    const char *evaluate, *calibration; /* of plan: what its profile must not share items with */
    struct args_list tasks;
    uint64_t n, pairs, threads, random; /* random: seed; 0: sites by harm */
    uint64_t trials, trial;             /* of strike; trial: alone, or CLI_PROTECT_ALL */
    uint64_t recovery;                  /* of bench: corrected faults, 0: none */
    uint64_t seed;                      /* of the draws of both */
    double budget;                      /* % of a request's work */
    double eps;                         /* % of flips of bits that are not kept */
    int act, kv;                        /* enum storage */
    int split;                          /* enum task_split */
    int processor;                      /* 1: processor time, over that of the wall */
    bool json, allow_suspect;
};

/* A model on a device under a policy: what clean and strike run on. All zeros but the first two. */
struct cli_protect_run {
    const struct cli_protect_options *o;
    const char *policy; /* as given */
    struct arena arena;
    struct model *model;
    struct lib_device device;
    struct lib_protection protection;
};

/* The model, then device (for one branch of so many positions) and policy. Whatever of it failed,
 * cli_protect_close follows. */
enum status cli_protect_open_model(struct cli_protect_run *run,
                                   const struct cli_env *env) STATUS_MUST_USE;
enum status cli_protect_open_device(struct cli_protect_run *run, const struct cli_env *env,
                                    uint32_t positions) STATUS_MUST_USE;
enum status cli_protect_close(struct cli_protect_run *run) STATUS_MUST_USE;

/* Members of an open object that say what ran: policy, model, device, types. */
enum status cli_protect_json(struct json_writer *w,
                             const struct cli_protect_run *run) STATUS_MUST_USE;

/* bench POLICY: what a clean run pays for its protection. */
enum status cli_protect_bench(const struct cli_env *env, const void *options,
                              const struct args_list *operands) STATUS_MUST_USE;

/* From an alarm to the corrected token, over drawn faults. */
struct cli_protect_recovery {
    uint64_t faults, drawn; /* corrected ones, and all that were drawn until then */
    struct stats_quantile seconds[2], columns[2]; /* 50 and 99 % of the corrected ones */
};
struct cli_protect_recovery_params {
    const struct generate_params *run; /* unprotected */
    const struct decode *guarded;      /* the same rules with the policy's check */
    uint64_t n, seed;                  /* corrected faults wanted; of the draws */
    double (*clock)(void);
};
/* Faults of all places, one a run, until `n` of them raised an alarm and gave the clean run's
 * tokens. STATUS_INPUT (logged): most drawn ones do not. */
enum status cli_protect_recovery(struct cli_protect_recovery *out,
                                 const struct cli_protect_recovery_params *params) STATUS_MUST_USE;

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

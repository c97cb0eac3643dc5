/* SPDX-License-Identifier: MIT */
/* What the files of `vkfi plan` share: options, and a plan opened with its model and sample. */
#ifndef VKFI_CLI_PLAN_H
#define VKFI_CLI_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/args.h"
#include "cli/cli_env.h"
#include "inject/plan/plan.h"
#include "inject/plan/sample.h"

struct cli_plan_options {
    const char *model, *lengths;
    uint64_t trial, first, limit, pilot, threads;
    bool json, allow_suspect;
    struct args_list rates, devices;
    uint64_t worst, seed,
        trials; /* confirm; trials of a stratum, 0: as many as before; extend: of the wave */
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
 * the tokenizer, tokens as many as the plan asks for, or both from options->lengths. */
enum status cli_plan_open(struct cli_plan *out, const struct cli_env *env, const char *path,
                          const struct cli_plan_options *options) STATUS_MUST_USE;
void cli_plan_close(struct cli_plan *plan);

enum status cli_plan_show(const struct cli_env *env, const char *path,
                          const struct cli_plan_options *options) STATUS_MUST_USE;
enum status cli_plan_expand(const struct cli_env *env, const char *path,
                            const struct cli_plan_options *options) STATUS_MUST_USE;
enum status cli_plan_confirm(const char *path,
                             const struct cli_plan_options *options) STATUS_MUST_USE;
enum status cli_plan_extend(const char *path,
                            const struct cli_plan_options *options) STATUS_MUST_USE;
enum status cli_plan_diff(const char *const path[2], bool json) STATUS_MUST_USE;

/* No trial chosen; no seed given. */
#define CLI_PLAN_NO_TRIAL UINT64_MAX
#define CLI_PLAN_NO_SEED UINT64_MAX

#endif

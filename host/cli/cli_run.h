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
#include "cli/cli_protection.h"
#include "inject/trial/trial.h"
#include "model/generate.h"
#include "model/model.h"

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
    struct arena arena;
    struct model *model;
    struct cli_device device;
    int32_t *ids; /* (n_ids) prompt */
    uint32_t n_ids;
    struct executor_params needs; /* the executor's parameters */
    struct golden_shape shape;    /* --fault: of the golden run and its trials */
    struct generate_params params;
    struct decode decode;             /* its rules, for texts */
    struct decode_stop *stops;        /* (options.stops.count) */
    struct cli_protection protection; /* options.protect: opened */
    struct decode guarded;            /* the rules under its check, of trials */
    double load_seconds;
    bool underflow; /* the golden run flushed a value (NUMERICS.md 5); of CPU devices only */
};

/* Place of the first Inf or NaN, by position, then by order of the graph. */
struct cli_run_nonfinite {
    bool found;
    const struct node *node;
    uint32_t position;
    uint32_t index; /* element of the node's output row, or of the K or V stored */
    float value;
    char site[FAULT_SITE_TEXT]; /* the node's, or "blk.1.kv_v" */
};

/* Runs once more, watched, up to the first step whose logits are not finite; logs its finding as a
 * warning. `out->found` is false if all steps are finite. Needs a free branch. */
enum status cli_run_nonfinite(struct cli_run_nonfinite *out, struct cli_run *run,
                              const struct generation *g) STATUS_MUST_USE;

/* Runs and prints: text as it comes, the object, or the golden run and a trial for each fault. */
enum status cli_run_print(struct cli_run *run) STATUS_MUST_USE;

#endif

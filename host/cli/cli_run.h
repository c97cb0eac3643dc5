/* SPDX-License-Identifier: MIT */
/* What the files of `vkfi run` share: its options, and everything opened for one run. */
#ifndef VKFI_CLI_RUN_H
#define VKFI_CLI_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/args.h"
#include "base/json.h"
#include "base/status.h"
#include "cli/cli_device.h"
#include "cli/cli_env.h"
#include "cli/cli_prompt.h"
#include "inject/trial/trial.h"
#include "model/generate.h"
#include "model/model.h"

struct cli_run_options {
    const char *model, *device, *fault;
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
    struct executor_params needs; /* what the executor was made with */
    struct golden_shape shape;    /* --fault: of the golden run and its trials */
    struct generate_params params;
    struct decode decode;      /* its rules, for texts */
    struct decode_stop *stops; /* (options.stops.count) */
    double load_seconds;
    bool underflow; /* the golden run flushed a value (NUMERICS.md 5); of CPU devices only */
};

/* Where the first Inf or NaN stood, by position, then by order of the graph. */
struct cli_nonfinite {
    bool found;
    const struct node *node;
    uint32_t position;
    uint32_t index; /* element of the node's output row, or of the K or V stored */
    float value;
    char site[FAULT_SITE_TEXT]; /* the node's, or "blk.1.kv_v" */
};

/* Notes what fpenv.h says of the golden run since the last fpenv_clear_underflow. */
void cli_run_take_underflow(struct cli_run *run);

/* run --fault: the golden run, then a trial for each fault of the file. */
enum status cli_fault_run(struct cli_run *run) STATUS_MUST_USE;

/* The members of the run's object, without its braces. `where` null: every logit was finite. */
enum status cli_run_json_members(struct json_writer *w, const struct cli_run *run,
                                 const struct generation *g,
                                 const struct cli_nonfinite *where) STATUS_MUST_USE;

/* Runs once more, watched, up to the first step whose logits are not finite; logs what it finds as
 * a warning. `out->found` is false if all steps are finite. Needs a free branch. */
enum status cli_nonfinite_find(struct cli_nonfinite *out, struct cli_run *run,
                               const struct generation *g) STATUS_MUST_USE;

#endif

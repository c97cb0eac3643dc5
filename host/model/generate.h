/* SPDX-License-Identifier: MIT */
/* A whole inference on one branch: prompt in passes, then token by token. */
#ifndef VKFI_MODEL_GENERATE_H
#define VKFI_MODEL_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/decode.h"
#include "model/executor.h"
#include "model/tap.h"

struct generate_params {
    struct executor *ex;
    const int32_t *ids; /* (n_ids) prompt, at least one */
    uint32_t n_ids;
    struct decode_rules rules;
    uint32_t columns;     /* most columns a pass; 0: the executor's most */
    uint32_t top;         /* tokens of the top list of each step; 0: none */
    bool logsumexp;       /* of each step (reads whole logit rows) */
    bool prompt_logprobs; /* natural log-probability of ids[1..] (reads whole logit rows) */
    bool checkpoints;     /* save residuals of positions checkpoint_first + i in row i */
    uint32_t checkpoint_first;
    uint32_t
        save_position; /* save this position's residuals in row save_row; EXECUTOR_NONE: none */
    uint32_t save_row;
    struct tap *tap; /* null: no faults */
    executor_watch *watch;
    void *watch_user;
    /* Called after each token and, with token -1, after each prompt pass (done columns of n_ids).
     * If the run goes back, so does `done`: tokens from there on are given again. */
    void (*progress)(void *user, int32_t token, uint32_t done);
    void *progress_user;
};

/* Memory of the result comes from `arena`. STATUS_USAGE if prompt and n exceed the executor's
 * positions, or the rules are invalid. If it ends as due, tokens so far are valid. */
enum status generate(struct generation *out, struct arena *arena,
                     const struct generate_params *params) STATUS_MUST_USE;

#endif

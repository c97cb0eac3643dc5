/* SPDX-License-Identifier: MIT */
/* A whole inference on one branch: prompt in passes, then token by token. */
#ifndef VKFI_MODEL_GENERATE_H
#define VKFI_MODEL_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/executor.h"
#include "model/sampler.h"
#include "model/tap.h"

struct generate_params {
    struct executor *ex;
    const int32_t *ids; /* (n_ids) prompt, at least one */
    uint32_t n_ids;
    uint32_t n;      /* most tokens to generate */
    bool ignore_end; /* go on past end tokens */
    struct sampler sampler;
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
     */
    void (*progress)(void *user, int32_t token, uint32_t done);
    void *progress_user;
};

/* due: a fault made an integer that the run cannot go on with; tokens so far are valid. */
enum generate_stop { GENERATE_LENGTH, GENERATE_END, GENERATE_DUE };

struct generate_step {
    uint64_t hash;           /* of the logit row that gave the token */
    bool finite;             /* every logit was finite */
    double logsumexp;        /* NaN unless asked for */
    struct sampler_top *top; /* (params.top) or null */
};

struct generation {
    uint32_t branch;            /* still alive: release with kv_release */
    int32_t *tokens;            /* (n_tokens) */
    struct generate_step *step; /* (n_tokens): step[i] gave tokens[i] */
    uint32_t n_tokens;
    enum generate_stop stop;
    double *prompt_logprobs; /* (n_ids - 1), null unless asked for */
    uint64_t hash;           /* of all step hashes, in order */
    double prompt_seconds, decode_seconds;
};

/* Memory of the result comes from `arena`. STATUS_USAGE if prompt and n exceed the executor's
 * positions. */
enum status generate(struct generation *out, struct arena *arena,
                     const struct generate_params *params) STATUS_MUST_USE;

const char *generate_stop_name(enum generate_stop stop); /* "length", "end", "due" */

#endif

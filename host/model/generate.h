/* SPDX-License-Identifier: MIT */
/* An inference on one branch: prompt in passes, then token by token; whole or pass by pass. */
#ifndef VKFI_MODEL_GENERATE_H
#define VKFI_MODEL_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/decode.h"
#include "model/executor.h"
#include "model/tap.h"

/* A branch that holds K and V of the first positions of a run, of the same tokens. */
struct generate_prefix {
    uint32_t branch, positions;
};

struct generate_params {
    struct executor *ex;
    const int32_t *ids; /* (n_ids) prompt, at least one */
    uint32_t n_ids;
    struct decode_rules rules;
    uint32_t columns;     /* most columns a pass; 0: the executor's most */
    uint32_t top;         /* tokens of the top list of each step; 0: none */
    bool logsumexp;       /* of each step, and logit of its token (reads whole logit rows) */
    bool prompt_logprobs; /* natural log-probability of ids[1..] (reads whole logit rows) */
    uint32_t prompt_top;  /* with prompt_logprobs: most likely tokens told of each; 0: none */
    const struct generate_prefix *prefix; /* positions that are shared instead of run, fewer than
                                             n_ids: the same bits, but prompt_logprobs are NaN
                                             there; null: none */
    bool checkpoints; /* save residuals of positions checkpoint_first + i in row i */
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

/* A run pass by pass: generate() is a loop over its steps. */
struct generate_run;

/* `g` becomes the empty run and is filled step by step; its branch is the caller's to release, also
 * after a failed step, unless the opening fails. `params` is copied; what it points to, `g` and
 * `arena` outlive the run. Errors as of generate(). */
enum status generate_open(struct generate_run **out, struct generation *g, struct arena *arena,
                          const struct generate_params *params) STATUS_MUST_USE;

/* One pass, or the last look of the check once the run has come to an end: `out_ended` says whether
 * this stands, else the run has gone back and goes on. A pass appends any number of tokens (0: of
 * the prompt; several: they were drafts), or takes some back. After an error the run cannot go on.
 */
enum status generate_step(struct generate_run *run, bool *out_ended) STATUS_MUST_USE;

/* The same in a pass that runs of one executor share; none of them has a `watch`. Between tap_begin
 * and tap_go each adds what it would run next, at most `most` columns; after tap_go each takes the
 * results. `out_n` 0: it has no column in this pass, since the pass is full, the run has come to an
 * end, or an integer is out of its range. tap_guarded was told the most guards of all of them.
 * After an error the run has no column in the pass. */
enum status generate_add(struct generate_run *run, struct tap_pass *pass, uint32_t most,
                         uint32_t *out_n) STATUS_MUST_USE;
enum status generate_take(struct generate_run *run, bool *out_ended) STATUS_MUST_USE;

/* Guards that a column of the run may ask for. */
uint32_t generate_guards(const struct generate_run *run);

/* A second run in the state of `from`, which shares K and V and goes on with the same bits, on its
 * own. `params` says the same as those of `from`; neither has a tap or a check. */
enum status generate_fork(struct generate_run **out, struct generation *g, struct arena *arena,
                          const struct generate_params *params,
                          const struct generate_run *from) STATUS_MUST_USE;

/* Positions below it have been evaluated, and K and V of them are in the run's branch. */
uint32_t generate_next(const struct generate_run *run);

/* Frees what the run holds besides the arena's memory; takes null. */
void generate_close(struct generate_run **run);

/* Memory of the result comes from `arena`. STATUS_USAGE if prompt and n exceed the executor's
 * positions, or the rules are invalid. If it ends as due, tokens so far are valid. */
enum status generate(struct generation *out, struct arena *arena,
                     const struct generate_params *params) STATUS_MUST_USE;

#endif

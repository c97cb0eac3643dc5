/* SPDX-License-Identifier: MIT */
/* The clean run of an item, and what its trials start from and are compared with. */
#ifndef VKFI_INJECT_GOLDEN_H
#define VKFI_INJECT_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/space/fault.h"
#include "inject/trial/certify.h"
#include "model/generate.h"

/* How much of a trial is recorded. plan.record has the same order. */
enum record_level { RECORD_OUTCOME, RECORD_SUMMARY, RECORD_FULL };

#define GOLDEN_LANES 24u
#define GOLDEN_KV_BYTES (512ull << 20) /* of lanes, unless their number is given */

/* Sizes of items and trials that an executor must hold. */
struct golden_shape {
    uint32_t n_ids, n;         /* largest of the items: prompt (context), tokens (of a choice) */
    uint32_t n_choices;        /* most choices of an item; 0: all are generations */
    uint32_t rows;             /* most positions of an item, with separate ones for its choices; 0:
                                  n_ids + n */
    uint32_t lanes;            /* most trials in flight; 0: what GOLDEN_KV_BYTES hold, up to
                                  GOLDEN_LANES */
    uint64_t checkpoint_bytes; /* budget of golden residuals; 0: no limit. Positions that do not fit
                                  (the earliest) are recomputed from their tokens: slower, same
                                  records */
};

/* Sets positions, branches, pages, columns and checkpoints of `params`; model must be set. */
void golden_needs(struct executor_params *params, const struct golden_shape *shape);

/* Golden's logits of a step, as trials need them. */
struct golden_step {
    double margin;                /* first logit - second; NaN where either is Inf or NaN */
    const float *logits;          /* (n_vocab), null below summary */
    double logsumexp;             /* NaN below summary */
    struct certify_step *certify; /* null: no column of this step is certified */
};

/* A continuation, scored by its log-likelihood after a context. */
struct golden_choice {
    const int32_t *ids;        /* (n_ids) both; the last is fed to no column */
    uint32_t n_ids, n_context; /* ids from n_context on are scored: at least one on each side */
    double length; /* divides its log-likelihood before choices are compared: 1, or its characters
                      (acc, acc_norm) */
};

/* One run: a generation, or one choice of an item. Runs of an item's choices share their common
 * positions: KV entries and checkpoint rows. */
struct golden {
    struct generate_params params; /* ex, ids, rules */
    struct decode decode;          /* its rules, for steps of trials */
    struct generation run;
    enum record_level level;
    const struct certify *certify; /* null: every token is computed */
    struct golden_step *step;      /* (run.n_tokens) */
    uint64_t *residual_hash;       /* (n_evaluated, n_layers + 1); null below full */
    const uint16_t *experts;       /* as fault_reach has them; null: the model has none */
    uint32_t n_evaluated;          /* positions evaluated: n_ids + n_tokens - 1 */
    uint32_t kept_first;           /* position p + apart has checkpoint row p + apart - kept_first,
                                      if that exists */
    uint32_t n_shared, apart;      /* apart: of positions from n_shared on; 0 below */
    uint32_t spare_row,
        n_spare;      /* rows that are free for trials, except the last: golden_residuals */
    uint32_t lanes;   /* most trials in flight */
    uint32_t columns; /* most of a pass */

    struct golden *choice; /* (n_choices) the runs of all choices, this one the first; null: the
                              item is a generation */
    uint32_t n_choices;
    const struct golden_choice *choices; /* (n_choices) */
    uint32_t reference, chosen; /* the right choice, EXECUTOR_NONE: none is known; golden's own */
    double logp; /* sum of the log-probabilities of a choice's tokens, nats; NaN: a generation */
};

/* Whether its tokens are given, and only their probabilities are needed. */
static inline bool golden_is_choice(const struct golden *golden)
{
    return golden->choices != NULL;
}

/* The one with the largest logp (n_choices) over its length, the first among equals; NaN is below
 * all. */
uint32_t golden_choose(const struct golden *golden, const double *logp);

/* Of all steps of all runs; tokens generated, or scored of the longest choice. */
uint64_t golden_hash(const struct golden *golden);
uint32_t golden_tokens(const struct golden *golden);

/* Checkpoint row of a position's golden residuals; EXECUTOR_NONE: not kept. */
uint32_t golden_row(const struct golden *golden, uint32_t position);

/* Golden's residuals of a position below n_evaluated whose row is not kept, from running its column
 * again: out (n_layers + 1, n_embd). Weights and tables must be clean. */
enum status golden_residuals(float *out, const struct golden *golden,
                             uint32_t position) STATUS_MUST_USE;

/* The hash of a residual's bits, NaN canonical. */
uint64_t golden_residual_hash(const float *values, uint32_t n);

/* The bounds for faults of this item. */
struct fault_bounds golden_bounds(const struct golden *golden);

/* Token fed at a position below n_evaluated. */
int32_t golden_token(const struct golden *golden, uint32_t position);

struct golden_params {
    struct generate_params generate; /* checkpoints, tap and watch are the golden run's own */
    const struct golden_choice
        *choice;                   /* (n_choices), borrowed; of `generate` the executor counts */
    uint32_t n_choices;            /* 0: a generation */
    uint32_t n_shared;             /* first positions common to all choices, at most the shortest
                                      context */
    uint32_t reference;            /* of choices: the right one; EXECUTOR_NONE: not known */
    struct golden_shape shape;     /* as given to golden_needs */
    enum record_level level;       /* the highest of its trials */
    const struct certify *certify; /* null: off. Used by trials of RECORD_OUTCOME */
    /* (n_known) tokens that an earlier run of a generation gave; null: unknown. They are fed many
     * at a time, and the run is decoded if it picks others, or a check has to see it. The run's
     * decode_seconds are then what decoding would take. */
    const int32_t *known;
    uint32_t n_known;
};

/* Runs the item; its branches stay until golden_release. Memory from `arena`. */
enum status golden_run(struct golden *out, struct arena *arena,
                       const struct golden_params *params) STATUS_MUST_USE;

/* Frees the branches: the next item may run on the executor. */
void golden_release(struct golden *golden);

#endif

/* SPDX-License-Identifier: MIT */
/* A running trial: which columns it needs next, and what their results mean.
 *
 * A lane does not run passes: its owner takes columns of many lanes (lane_fill), runs them, and
 * returns the results (lane_take). A forked lane starts where the fault is first seen, feeds
 * golden's tokens until one differs, then decodes its own, one column per pass. A whole lane is an
 * inference from the first token of the prompt on. A fed lane takes its tokens from a list,
 * whatever it computes. */
#ifndef VKFI_INJECT_LANE_H
#define VKFI_INJECT_LANE_H

#include "inject/space/fault_reach.h"
#include "inject/trial/shift.h"
#include "inject/trial/trial.h"
#include "model/tap.h"

/* What is known of a column with a logit row. */
struct lane_step {
    bool wanted;    /* the column gives a step */
    bool certified; /* the token is proven */
    bool known;     /* so is whether the row has golden's bits */
    uint32_t token;
    uint64_t hash; /* 0 where certified */
    bool finite;
    bool same, other;                   /* proven: the row has golden's bits; it has others */
    const struct column_result *result; /* null: golden's, or proven */
};

/* Effect of the faults, from the device. */
struct lane_proof {
    uint64_t activations, expected; /* of all faults */
    uint64_t count_first;           /* of the first fault, at its own position */
    uint32_t before, after;         /* of its first activation */
    bool changed;                   /* some bits */
    bool dry;                       /* controls only */
    bool conditional;               /* firing depends on bits: expected is at most what was seen */
};

struct lane {
    const struct golden *golden;
    const struct decode *decode; /* takes its steps */
    const struct trial_settings *settings;
    const struct trial_job *job;
    uint32_t *start; /* (n_evaluated) start layer of a column, FAULT_REACH_NONE: it is golden's */
    bool whole;
    bool watched;        /* by the check of its steps */
    const int32_t *feed; /* (n_feed) tokens fed after the prompt, whatever it computes; null: its
                            own */
    uint32_t n_feed;
    bool certifies; /* tokens may be certified: nothing after the last layer is struck */
    uint32_t first; /* position struck first */
    struct tap tap;
    struct tap_fault *tapped; /* (n_faults) */
    bool tapping;             /* the tap is held */
    bool open;                /* the branch is held */
    struct lane_proof proof;  /* once closed */

    uint32_t next;  /* position of the next column */
    bool off;       /* own tokens are fed instead of golden's, one per pass */
    uint32_t pause; /* 0: it goes on; else no column from this position on is run yet */
    bool done;
    struct generation run; /* tokens and steps so far */
    bool nonfinite;        /* a logit was Inf or NaN */
    bool other_bits;       /* a step has a logit without golden's bits */
    enum due_reason due;
    struct shift shift;
    struct shift *shift_at; /* (n_feed) before each step; null: the run does not go back */
    uint32_t differs_until; /* one past the last position with a residual that is not golden's */
    struct trial_deviation *deviation;
    float *clean; /* golden's residuals of `first` where its row is not kept; null */
    struct arena *arena;
};

struct lane_params {
    const struct golden *golden;
    const struct trial_settings *settings;
    const struct trial_job *job;
    bool whole;
    const int32_t *feed; /* as above */
    uint32_t n_feed;
    bool measures; /* no check looks at it */
};

/* Forks or opens a branch and makes the tap. Memory of results from `arena`. */
enum status lane_open(struct lane *lane, struct arena *arena,
                      const struct lane_params *params) STATUS_MUST_USE;

/* The run of another choice that starts where the context of both ends (lane_forks), with what the
 * leader has done up to there; on its own from the start where their columns start apart. */
enum status lane_fork(struct lane *lane, struct arena *arena, const struct lane_params *params,
                      const struct lane *leader) STATUS_MUST_USE;

/* The position at which the runs of an item's choices part: a run that is open can lead the others
 * to it. 0: it cannot. */
uint32_t lane_forks(const struct lane *lane);

/* True if trials of one pass can each have fault `i` of a stored weight alone: as read by its only
 * reader. False if another fault of the job may meet the same stored bits, or the job has more
 * faults than a pass has hooks for. */
bool lane_emulates(const struct trial_job *job, uint32_t i, const struct model *model);

/* Takes the proof, restores struck memory, releases branch and tap. Does nothing to a closed
 * lane. */
enum status lane_close(struct lane *lane) STATUS_MUST_USE;

/* The next columns, positions rising, at most `most`; n is 0 when the lane is done. */
struct lane_columns {
    struct column *column; /* (most) save rows are the owner's */
    uint32_t most, n;
};
enum status lane_fill(struct lane *lane, struct lane_columns *out) STATUS_MUST_USE;

/* Takes the steps of the columns just run that are known (lane_knows), up to the first difference,
 * and returns their number: columns after a difference belong to no run. */
struct lane_results {
    const struct column *column; /* (n) as lane_fill gave them, with their save rows */
    const struct lane_step *step;
    const struct column_result *found; /* (n) */
    const struct guard *guard;         /* (n_guards) in order of their columns, counted from 0 */
    uint32_t n, n_guards;
};
bool lane_knows(const struct lane *lane, const struct lane_step *step);
enum status lane_take(struct lane *lane, const struct lane_results *results,
                      uint32_t *out_counted) STATUS_MUST_USE;

/* Whether the token of a column with `hidden` is settled without its logits. */
struct lane_step lane_certify(const struct lane *lane, const struct column *column,
                              const struct column_result *result);

/* The step from a column's logits. */
struct lane_step lane_compute(const struct lane *lane, const struct column *column,
                              const struct column_result *result);

/* predict.c: how often a fault must have fired. */
/* False where the bits that an element meets depend on earlier strikes: of several faults, and of
 * several elements of one chain of partials. */
bool predict_can(const struct lane *run);

/* At its first position the fault still meets golden's bits: a dry copy is run on golden's columns
 * up to there. `run`: a closed lane of one fault. */
enum status predict_first(uint64_t *out, const struct lane *run) STATUS_MUST_USE;

#endif

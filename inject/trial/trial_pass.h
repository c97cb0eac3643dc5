/* SPDX-License-Identifier: MIT */
/* One pass after another that lanes share: their next columns, guards and results. */
#ifndef VKFI_INJECT_TRIAL_PASS_H
#define VKFI_INJECT_TRIAL_PASS_H

#include "inject/trial/lane.h"
#include "inject/trial/trial.h"

/* What a lane has of the pass. */
struct trial_share {
    struct lane *lane;
    uint32_t first, n, counted; /* its columns, and how many of them were taken */
    uint32_t guard, n_guards;   /* and their guards */
};

struct trial_pass {
    const struct golden *golden;
    const struct trial_settings *settings;
    struct trial_work *work;
    struct tap_pass *pass;
    uint32_t most;              /* columns per pass */
    struct trial_share **share; /* (n_shares), at most `most`: borrowed */
    uint32_t n_shares;
    struct column *column; /* (n_columns), at most `most`: lane after lane */
    uint32_t n_columns;
    struct column_result *found; /* (most) their results */
    struct lane_step *step;      /* (most) */
    struct guard *guard;         /* (n_guards) of all columns */
    uint32_t n_guards;
    struct column *late;          /* (most) columns whose logits are computed afterwards */
    uint32_t *late_of;            /* (most) index in `column` */
    struct column_result *result; /* (most) of `late` */
};

enum status trial_pass_init(struct trial_pass *out, const struct golden *golden,
                            const struct trial_settings *settings,
                            struct trial_work *work) STATUS_MUST_USE;
void trial_pass_finish(struct trial_pass *p); /* also of one that failed to begin, or all zeros */

/* An empty pass. */
void trial_pass_begin(struct trial_pass *p);

/* Adds the next columns of a lane, none if the pass is full or the lane is done (lane->done).
 * `trial` names it in messages. */
enum status trial_pass_add(struct trial_pass *p, struct trial_share *share,
                           uint32_t trial) STATUS_MUST_USE;

/* Runs the pass; lanes have taken their results. */
enum status trial_pass_run(struct trial_pass *p) STATUS_MUST_USE;

#endif

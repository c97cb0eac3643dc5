/* SPDX-License-Identifier: MIT */
/* The one seam for faults: what is to happen to which evaluation, attached to passes as they go by.
 *
 * A tap is written in logical terms (node, position), so it does not matter how a run is split into
 * passes: tap_pass finds the columns concerned, adds helper columns for stale values, and brings
 * the proof of activation back. */
#ifndef VKFI_MODEL_TAP_H
#define VKFI_MODEL_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "model/executor.h"

/* A fault of one evaluation. */
struct tap_hook {
    uint32_t node;         /* in the graph */
    uint32_t position;     /* column at which it fires */
    uint32_t point;        /* HOOK_* */
    bool stale;            /* takes the bits the same coordinates have one position earlier */
    struct hook_data data; /* count, before, after: filled as it fires; count adds up */
};

struct tap {
    struct tap_hook *hooks; /* (n_hooks), borrowed */
    uint32_t n_hooks;
    uint32_t helper_branch; /* a free branch for helper columns; needed if any hook is stale */

    /* Faults of memory: strike is called once, before any column at `strike_position` or later. */
    uint32_t strike_position; /* EXECUTOR_NONE: no such fault */
    enum status (*strike)(void *user, struct executor *ex, uint32_t branch);
    void *user;
    bool struck;
};

/* No fault. */
void tap_init(struct tap *tap);

/* How many of the next `n` columns, from `position` on, may go into one pass: fewer than n when a
 * strike or a column with a stale hook lies between (both must come first in their pass). */
uint32_t tap_split(const struct tap *tap, uint32_t position, uint32_t n);

struct tap_pass {
    struct executor *ex;
    const struct column *columns; /* (n), all of one branch, positions rising, sorted as executor.h
                                     asks; n + n_hooks <= max_columns */
    uint32_t n;
    /* The column one position before columns[i], for stale hooks: its token, or checkpoint row. */
    const int32_t *previous_token; /* (n), or null if no hook is stale */
    executor_watch *watch;
    void *watch_user;
};

/* Strikes if due, then runs the columns with the hooks that fall on them. out: (n). */
enum status tap_run(struct tap *tap, const struct tap_pass *pass,
                    struct column_result *out) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Columns of many texts in one pass; the common start of texts is evaluated once. */
#ifndef VKFI_TASKS_BATCH_H
#define VKFI_TASKS_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/executor.h"

#define BATCH_KV_BYTES (512ull << 20) /* of KV pages, unless one item alone needs more */
#define BATCH_COLUMNS 64u             /* a pass */

/* Ids fed on one branch, position by position. */
struct batch_row {
    const int32_t *ids; /* (n) */
    uint32_t n, next;   /* positions next .. n - 1 are left */
    uint32_t branch;
    uint32_t from;    /* columns from this position on give `outputs` */
    uint32_t outputs; /* COLUMN_* */
};

struct batch {
    struct executor *ex;
    uint32_t most, n;             /* columns of a pass; used in this one */
    struct column *column;        /* (most) */
    struct column_result *result; /* (most) */
    uint32_t pages, reserved;     /* of each layer: existing, reserved */
    uint32_t kept;                /* branch that holds the last kept start, EXECUTOR_NONE: none */
    const int32_t *kept_ids;      /* (n_kept), the caller's */
    uint32_t n_kept;              /* whole pages of positions */
};

/* A batch's needs of its executor: positions, branches and pages must exist. */
struct batch_needs {
    uint32_t positions; /* of the longest row */
    uint32_t branches;  /* of all items in flight */
    uint32_t pages;     /* of a layer, for the largest item */
    uint32_t items;     /* in flight at most */
};

/* Sets positions, branches, pages and columns of `params`; model and kv must be set. */
void batch_params(struct executor_params *params, const struct batch_needs *needs);

/* Pages that hold this many positions. */
uint32_t batch_pages(uint32_t positions);

/* Memory from `arena`. */
enum status batch_open(struct batch *out, struct arena *arena, struct executor *ex) STATUS_MUST_USE;
void batch_close(struct batch *batch);

/* Reserves the pages of an item if they are free; gives them back. */
bool batch_reserve(struct batch *batch, uint32_t pages);
void batch_return(struct batch *batch, uint32_t pages);

/* Opens a new branch. If ids (n) start like the kept ones, it has their KV, in whole pages, and
 * `out->next` is after them, but not past `out->from`. The rest of `out` stays. */
enum status batch_start(struct batch *batch, struct batch_row *out) STATUS_MUST_USE;

/* Keeps the first n positions, already run, of a row for rows with the same start; its ids must
 * stay until others are kept or the batch is closed. */
enum status batch_keep(struct batch *batch, const struct batch_row *row,
                       uint32_t n) STATUS_MUST_USE;

/* `to` is a new branch with the KV of the first `positions` of `from`. */
enum status batch_fork(struct batch *batch, uint32_t from, uint32_t positions,
                       uint32_t *to) STATUS_MUST_USE;

/* Adds the row's next columns while the pass has room; returns how many. The first is column
 * batch->n from before the call. */
uint32_t batch_feed(struct batch *batch, struct batch_row *row);

/* Runs the pass and empties it: batch->result holds its results until the next one. */
enum status batch_go(struct batch *batch) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Columns of many texts in one pass, and the start that texts have in common evaluated once. */
#ifndef VKFI_TASKS_BATCH_H
#define VKFI_TASKS_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/executor.h"

#define BATCH_KV_BYTES (512ull << 20) /* of KV pages, unless one item alone needs more */
#define BATCH_COLUMNS 64u             /* a pass */

/* Ids that are fed on one branch, position after position. */
struct batch_row {
    const int32_t *ids; /* (n) */
    uint32_t n, next;   /* positions next .. n - 1 are left */
    uint32_t branch;
    uint32_t from;    /* columns of positions from here on give `outputs` */
    uint32_t outputs; /* COLUMN_* */
};

struct batch {
    struct executor *ex;
    uint32_t most, n;             /* columns of a pass; put into this one */
    struct column *column;        /* (most) */
    struct column_result *result; /* (most) */
    uint32_t pages, reserved;     /* of each layer: there are, are spoken for */
    uint32_t kept;                /* branch that keeps the last start put by, EXECUTOR_NONE: none */
    const int32_t *kept_ids;      /* (n_kept), the caller's */
    uint32_t n_kept;              /* whole pages of positions */
};

/* What a batch asks of its executor: positions, branches and pages must be there. */
struct batch_needs {
    uint32_t positions; /* of the longest row */
    uint32_t branches;  /* of the items in flight together */
    uint32_t pages;     /* of a layer, of the item that needs most */
    uint32_t items;     /* in flight at most */
};

/* Sets positions, branches, pages and columns of `params`; model and kv must be set. */
void batch_params(struct executor_params *params, const struct batch_needs *needs);

/* Pages that hold so many positions. */
uint32_t batch_pages(uint32_t positions);

/* Memory from `arena`. */
enum status batch_open(struct batch *out, struct arena *arena, struct executor *ex) STATUS_MUST_USE;
void batch_close(struct batch *batch);

/* Speaks for the pages of an item if they are there; gives them back. */
bool batch_reserve(struct batch *batch, uint32_t pages);
void batch_return(struct batch *batch, uint32_t pages);

/* A new branch. If ids (n) start as those put by do, it has their KV, in whole pages, and
 * `out->next` is behind them, but not past `out->from`. The rest of `out` is as given. */
enum status batch_start(struct batch *batch, struct batch_row *out) STATUS_MUST_USE;

/* Puts the first n positions of a row that has come so far by, for rows that start alike; its ids
 * must stay until others are put by or the batch is closed. */
enum status batch_keep(struct batch *batch, const struct batch_row *row,
                       uint32_t n) STATUS_MUST_USE;

/* `to` is a new branch that has the KV of the first `positions` of `from`. */
enum status batch_fork(struct batch *batch, uint32_t from, uint32_t positions,
                       uint32_t *to) STATUS_MUST_USE;

/* Adds the row's next columns as far as the pass has room; returns how many. The first is column
 * batch->n of before. */
uint32_t batch_feed(struct batch *batch, struct batch_row *row);

/* Runs the pass: batch->result has what its columns gave, until the next one. Then it is empty. */
enum status batch_go(struct batch *batch) STATUS_MUST_USE;

#endif

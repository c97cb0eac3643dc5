/* SPDX-License-Identifier: MIT */
/* Guards: what checks the output of an op behind its hooks, and what it says.
 *
 * Behind each op the order is op, patches of its hooks, guards, watcher. */
#ifndef VKFI_MODEL_GUARD_H
#define VKFI_MODEL_GUARD_H

#include <stdint.h>

#include "model/graph.h"

#define GUARD_MOST 4096 /* of a pass */

/* What is checked. */
enum guard_kind {
    GUARD_NONFINITE /* how many values of the row are Inf or NaN */
};

/* Of one op, for one column of the pass; of columns that do not reach it the verdict is 0. */
struct guard {
    uint32_t node; /* index in model->graph.node: a site */
    uint32_t column;
    enum guard_kind kind;
    uint32_t verdict; /* out */
};

/* The values of an output row: of scores and probabilities a line for each head with the keys that
 * the column sees, else one line. */
struct guard_lines {
    uint32_t n, stride;   /* elements from line to line */
    uint32_t first, last; /* elements of a line that are there */
};

struct column;
/* `score_stride`: elements that a device keeps a head's keys in. */
struct guard_lines guard_lines(const struct node *node, const struct column *column,
                               uint32_t score_stride);

#endif

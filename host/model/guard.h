/* SPDX-License-Identifier: MIT */
/* Guards: checks of an op's output after its hooks, and their verdicts.
 *
 * At each op the order is op, patches of its hooks, guards, watcher. A guard's verdict has the same
 * bits on every device. */
#ifndef VKFI_MODEL_GUARD_H
#define VKFI_MODEL_GUARD_H

#include <stdint.h>

#include "model/graph.h"

#define GUARD_MOST 65536 /* of a pass */

#define GUARD_WORDS 4 /* of a verdict */

/* What a guard checks, and the words of its verdict; those not named are 0. */
enum guard_kind {
    GUARD_NONFINITE /* [0]: number of Inf and NaN values in the row */
};

/* For one op and one column of the pass; a column that does not reach the op gives the verdict
 * 0. */
struct guard {
    uint32_t node; /* index in model->graph.node: a site */
    uint32_t column;
    enum guard_kind kind;
    uint32_t tag;                  /* the asker's own */
    uint32_t verdict[GUARD_WORDS]; /* out */
};

/* The values of an output row: one line, or for scores and probabilities one line per head, of the
 * keys that the column sees. */
struct guard_lines {
    uint32_t n, stride;   /* elements; `stride` from line to line */
    uint32_t first, last; /* elements of a line that are present */
};

struct column;
/* `score_stride`: elements per head in the device's scores. */
struct guard_lines guard_lines(const struct node *node, const struct column *column,
                               uint32_t score_stride);

#endif

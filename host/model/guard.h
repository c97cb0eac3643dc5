/* SPDX-License-Identifier: MIT */
/* Guards: checks of an op's output after its hooks, and their verdicts.
 *
 * At each op the order is op, patches of its hooks, guards, watcher. A guard's verdict has the same
 * bits on every device. */
#ifndef VKFI_MODEL_GUARD_H
#define VKFI_MODEL_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"
#include "shared/range.h"

#define GUARD_MOST 65536 /* of a pass */

#define GUARD_WORDS 4 /* of a verdict */

/* What a guard checks, and the words of its verdict; those not named are 0. The guards of a node
 * act in this order. */
enum guard_kind {
    GUARD_NONFINITE, /* [0]: number of Inf and NaN values in the row */
    GUARD_TWIN,      /* the op is evaluated twice. [0]: number of words that differ (all NaN are
                        one), [1]: index of the first */
    GUARD_ROTATED,   /* the same, and what gave row r gives row (r + N / 2) mod N */
    GUARD_RANGE,     /* [0]: number of values outside low .. high, [1]: index of the first */
    GUARD_STORED,    /* of a STORE: sums of the halves of the row that is stored (executor_kv.h),
                        from the registers: weighted and mixed of K, then of V. Of an EMBED: of the
                        f32 words of its row, then zeros (embedding.h) */
    GUARD_ABFT, /* LINEAR with executor_abft_make. [0]: 0, or 1 + the first part of the rows that
                   alarms; as bits, of this part, else of the first: [1] sum of y - c.x, [2] the
                   same with rows' weights, [3] the bound of [1] (guard_abft_rows) */
    GUARD_KINDS
};

/* What becomes of values outside a range. Later ops, hooks of later ops and the watcher see it. */
enum guard_action {
    GUARD_COUNT, /* nothing */
    GUARD_CLIP,  /* the bound that is nearer; NaN: 0, or the bound nearest to it */
    GUARD_ZERO   /* 0 */
};

/* For one op and one column of the pass; a column that does not reach the op without the guard
 * gives the verdict 0. */
struct guard {
    uint32_t node; /* index in model->graph.node: a site, or a STORE */
    uint32_t column;
    enum guard_kind kind;
    uint32_t tag;    /* the asker's own */
    float low, high; /* RANGE: by the order of nm_key, so that -0 is 0; NaN is outside, Inf as the
                        bounds say. Rounded to the type of the row first, by executor_pass */
    enum guard_action action; /* RANGE */
    float factor;             /* ABFT: of the bound, at least 1 */
    uint32_t flip;            /* a fault: 1 + the bit of its words (guard_words) that flips in the
                                 device's memory before they are read; 0: none */
    uint32_t verdict[GUARD_WORDS]; /* out */
};

/* Evaluations of an op for a column: its own, and that of each kind of twin. */
#define GUARD_EVALUATIONS 3u
static inline uint32_t guard_evaluation(enum guard_kind kind)
{
    return kind == GUARD_TWIN ? 1 : kind == GUARD_ROTATED ? 2 : 0;
}

/* Whether it may change values of the row. */
static inline bool guard_edits(const struct guard *guard)
{
    return guard->kind == GUARD_RANGE && guard->action != GUARD_COUNT;
}

/* False (nothing is written): a range whose bounds are not numbers in order. `act`: storage type of
 * the row's values. */
bool guard_round(struct guard *guard, uint32_t act);

/* The check of a NONFINITE or RANGE guard. */
struct range_check guard_check_of(const struct guard *guard);

/* Words in which a device gathers a verdict (GUARD_WORDS), before it has found anything: of STORED
 * the sums, else number and lowest index of the elements found. Then the verdict from them. */
void guard_begin(enum guard_kind kind, uint32_t *words);
void guard_conclude(struct guard *guard, const uint32_t *words);

/* Words in which a device leaves what it found: the verdict, or of ABFT one for each part of the
 * node's rows. `tables`: the executor's. */
struct guard_abft;
uint32_t guard_words(const struct guard *guard, const struct guard_abft *tables);

/* The fault of a guard in its words. */
static inline void guard_strike(const struct guard *guard, uint32_t *words)
{
    if (guard->flip > 0)
        words[(guard->flip - 1) / 32] ^= 1u << (guard->flip - 1) % 32;
}

/* The values of an output row: one line, or for scores and probabilities one line per head, of the
 * keys that the column sees. The index of an element is line * (last + 1) + its place in the line.
 */
struct guard_lines {
    uint32_t n, stride;   /* elements; `stride` from line to line */
    uint32_t first, last; /* elements of a line that are present */
};

struct column;
/* `score_stride`: elements per head in the device's scores. */
struct guard_lines guard_lines(const struct node *node, const struct column *column,
                               uint32_t score_stride);

#endif

/* SPDX-License-Identifier: MIT */
/* What the tap's files share: what a fault remembers, and when it strikes. */
#ifndef VKFI_MODEL_TAP_IMPL_H
#define VKFI_MODEL_TAP_IMPL_H

#include "model/tap.h"

/* Bits of one position, the stale bits of the next. */
struct tap_held {
    uint32_t position;
    struct hook_data box; /* elements of `words`; integers: one */
    uint32_t *words;
    struct tap_held *next;
};

struct tap_state {
    struct tap_held *held; /* newest first */

    /* Memory: bits before the strike, and which elements it struck. */
    bool struck, lifted, undone; /* lifted: for a moment, to scrub an earlier strike */
    uint64_t order;              /* of its strike among the tap's */
    uint32_t branch;             /* of a struck KV entry */
    uint32_t *before;
    bool *fired;
    bool *lost; /* of those that a stuck fault struck: written over since, to be struck again */
};

/* Activations of one fault at one position. */
struct tap_note {
    uint32_t fault, position, attempt;
    uint32_t count, changed, first, before, after;
};

/* True if the kind takes bits of one position earlier. */
static inline bool tap_stale(const struct tap_fault *fault)
{
    return hook_kinds_takes(fault->data.kind, KIND_TAKES_EARLIER);
}

/* True if the fault strikes at this position (memory: is in force). */
static inline bool tap_strikes(const struct tap_fault *fault, uint32_t position)
{
    return position >= fault->position &&
           (fault->position_count == TAP_FOREVER ||
            position - fault->position < (fault->position_count ? fault->position_count : 1));
}

/* True if it strikes an evaluation at this position, to which the run may have gone back. */
static inline bool tap_hits(const struct tap *tap, const struct tap_fault *fault, uint32_t position)
{
    const bool lasts = fault->position_count == TAP_FOREVER || fault->data.rate != 0;
    return tap_strikes(fault, position) && (lasts || position >= tap->seen);
}

/* hook_data.position of an evaluation: a fault at a rate is drawn anew each time. */
static inline uint32_t tap_draw_position(const struct tap *tap, const struct tap_fault *fault,
                                         uint32_t position)
{
    const bool anew = fault->data.rate != 0 && position < tap->seen;
    return anew ? position + (tap->attempt << 20) : position; /* a context has at most 2^20
                                                                 positions */
}

/* True if stored bits are forced: also those written later, as long as the fault is in force. */
static inline bool tap_is_stuck(const struct tap_fault *fault)
{
    return fault->data.kind == KIND_STUCK_AT_0 || fault->data.kind == KIND_STUCK_AT_1;
}

/* True if it strikes an op's second evaluation at this position too: what strikes an evaluation
 * once is over. */
static inline bool tap_strikes_twin(const struct tap_fault *fault, uint32_t position)
{
    const bool lasts = fault->position_count == TAP_FOREVER || fault->data.rate != 0;
    return fault->place == TAP_EVALUATION && lasts && tap_strikes(fault, position);
}

/* hook_data.position of an evaluation (guard_evaluation): at a rate each has draws of its own. */
static inline uint32_t tap_draw_twin(const struct tap_fault *fault, uint32_t position,
                                     uint32_t evaluation)
{
    return fault->data.rate != 0 ? position + (evaluation << 30) : position;
}

/* The boxes that a fault strikes in an op whose rows are rotated: row r of N lies where r + N / 2
 * (mod N) lay; for a point whose rows name groups, groups are rotated. One or two boxes, which
 * together have the elements of `box` in their order. */
struct tap_rotated {
    struct hook_data box[2];
    uint32_t offset[2]; /* of each box's first element in `box` */
    uint32_t n;
};
void tap_rotate(struct tap_rotated *out, const struct hook_data *box, const struct node *node,
                uint32_t point);

/* Hooks that a column of the tap may need; `guarded`: also in second evaluations of its ops. */
uint32_t tap_hooks(const struct tap *tap, uint32_t position, bool guarded);

static inline bool tap_is_memory(const struct tap_fault *fault)
{
    return fault->place == TAP_WEIGHT || fault->place == TAP_KV || fault->place == TAP_TABLE;
}

/* Notes what one evaluation showed of a fault (its index in the tap). */
enum status tap_note(struct tap *tap, uint32_t fault, uint32_t position,
                     const struct hook_data *proof) STATUS_MUST_USE;

/* Keeps the words of a box at a position, and finds them (null: there are none). */
enum status tap_hold(struct tap_state *state, uint32_t position, const struct hook_data *box,
                     const uint32_t *words) STATUS_MUST_USE;
const struct tap_held *tap_held_at(const struct tap_state *state, uint32_t position);

/* Forgets what is held of positions outside [first, end). */
void tap_release(struct tap *tap, uint32_t first, uint32_t end);

/* KV entries from `position` on will be written again: they are no longer struck, or by stuck
 * faults once they are written. */
void tap_memory_back(struct tap *tap, uint32_t position);

/* How many of the next `n` columns may go into one pass: the column that writes a stuck entry anew
 * is the last of its pass. */
uint32_t tap_memory_split(const struct tap *tap, uint32_t position, uint32_t n);

/* Restores weights and tables that are still struck, newest first. */
enum status tap_memory_undo(struct tap *tap, struct executor *ex) STATUS_MUST_USE;

/* The column with its integers changed and counted; tap->due if one is out of range. */
enum status tap_control_column(struct tap *tap, struct column *column) STATUS_MUST_USE;

/* True if the column at `position` must be the first of its branch in a pass: an integer redirects
 * its entry, or may be out of range. */
bool tap_control_splits(const struct tap *tap, uint32_t position);

#endif

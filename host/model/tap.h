/* SPDX-License-Identifier: MIT */
/* The one seam for faults: what happens to which evaluation, attached to passes as they run.
 *
 * A tap is in logical terms (node, positions, elements), so it does not matter how a run is split
 * into passes, nor what else shares them: tap_add finds the columns concerned, attaches hooks and
 * changes integers; tap_go brings back the proof of activation. A tap belongs to one branch at a
 * time, whose columns come in rising position. */
#ifndef VKFI_MODEL_TAP_H
#define VKFI_MODEL_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "model/executor.h"

#define TAP_FOREVER UINT32_MAX  /* position_count: to the end of the run; memory: never scrubbed */
#define TAP_ALL_KEYS UINT32_MAX /* data.keys: every key position that the column sees */

/* Integers that steer a column. */
enum tap_control {
    TAP_TOKEN,    /* id that is embedded: below n_vocab                        */
    TAP_POSITION, /* of the column, for rope, entry and keys: at most its own  */
    TAP_SLOT,     /* KV entry that is written: at most its own position        */
    TAP_LENGTH,   /* keys seen: 1 to position + 1                              */
    TAP_ROPE,     /* row of the rope table: below the executor's positions     */
    TAP_SAMPLER,  /* id that was picked: below n_vocab; through tap_pick       */
};

enum tap_place { TAP_EVALUATION, TAP_WEIGHT, TAP_KV, TAP_TABLE, TAP_CONTROL };

/* Which coordinate `from` is of (wrong_write: always the row). */
enum tap_from { TAP_FROM_ROW, TAP_FROM_K, TAP_FROM_KEY };

/* What the device reports of one fault. */
struct tap_proof {
    uint64_t count;    /* activations: elements x positions that fired */
    uint64_t changed;  /* those of them that changed bits                */
    uint32_t position; /* of the first: lowest position, then lowest */
    uint32_t element;  /* index of hook_data that fired                  */
    uint32_t before, after;
    uint64_t count_first; /* activations at the fault's own position */
};

/* One fault. The box of data (rows, ks, keys) is struck at each of its positions; memory once, from
 * the first column at or after `position` to the first at position + position_count. */
struct tap_fault {
    enum tap_place place;
    uint32_t node, point;              /* TAP_EVALUATION: index in the graph, HOOK_* */
    const struct tensor *tensor;       /* TAP_WEIGHT: rows and ks of data, field */
    uint32_t layer;                    /* TAP_KV: ks are features, keys positions */
    bool value_cache;                  /* TAP_KV: V instead of K */
    uint32_t table;                    /* TAP_TABLE: rows are positions, ks elements */
    enum tap_control control;          /* TAP_CONTROL */
    uint32_t position, position_count; /* 0 counts as 1 */
    uint32_t begins;                   /* lowest position evaluated: nothing is stale there */
    struct hook_data data;             /* kind, box, bits; proof, source, capture not used */
    uint32_t from;                     /* wrong_read, wrong_write: the wrong place */
    enum tap_from from_axis;
    struct tap_state *state; /* the tap's own */
};

struct tap {
    struct tap_fault *faults; /* (n_faults), borrowed */
    uint32_t n_faults;
    const struct executor *ex;
    struct tap_note *notes; /* (n_notes) activations, position by position; the tap's own */
    uint32_t n_notes, room_notes;
    uint64_t strikes; /* of memory, so far */
    uint32_t seen;    /* positions below it had been evaluated when the run last went back */
    uint32_t attempt; /* how often it went back */
    struct executor_listener listener; /* to repairs of stored bits, once some are struck */
    bool keeps;            /* the run may go back (tap_back): set before its first column */
    bool due;              /* a control value was out of its range: the run ends */
    uint32_t due_position; /* of the column that was not evaluated, or of the pick */
    uint32_t due_fault;
    /* A column of a pass was evaluated, but its fault left an integer out of its range there, which
     * stayed as it was: the run ends when it takes the column (tap_takes). */
    bool strays;
    uint32_t stray_position, stray_fault; /* the lowest */
};

/* Allocates what faults remember (stale bits, bits before a strike). */
enum status tap_init(struct tap *tap, struct tap_fault *faults, uint32_t n_faults,
                     const struct executor *ex) STATUS_MUST_USE;

/* Scrubs and strikes the memory that is due at `position`, as a column there would. */
enum status tap_strike(struct tap *tap, struct executor *ex, uint32_t branch,
                       uint32_t position) STATUS_MUST_USE;

/* Before the run takes what the column of `position` gave: false if it ends there (tap->due). */
bool tap_takes(struct tap *tap, uint32_t position);

/* What the device reported of a fault so far. */
struct tap_proof tap_proof(const struct tap *tap, uint32_t fault);

/* Takes over what another tap of the same faults has seen: activations, and bits held for later.
 * Only where both strike nothing but evaluations. */
enum status tap_take_over(struct tap *tap, const struct tap *from) STATUS_MUST_USE;

/* The run goes back: columns from `position` on ran with tokens that proved wrong, and will run
 * again. Their activations and what was remembered of them are forgotten. */
void tap_cut(struct tap *tap, uint32_t position);

/* The run goes back to `position`: columns up to `seen` - 1 have been evaluated, and this counts,
 * but they are now evaluated again. A fault that strikes an evaluation once is over; one at a rate
 * is drawn anew; one to the end of the run strikes again. Stored bits stay and are not struck
 * twice; KV entries written again are clean, but for stuck bits, which are forced before the next
 * column. Activations are counted at a position's first
 * evaluation, changes at all of them. */
void tap_back(struct tap *tap, uint32_t position, uint32_t seen);

/* Undoes strikes that are still in force, newest first (KV entries go with their branch), and
 * frees, whatever the state of the run. */
enum status tap_finish(struct tap *tap, struct executor *ex) STATUS_MUST_USE;

/* The lowest position whose column (and pick) has to go through the tap: where something is struck,
 * or one before it if stale bits are read. From there on columns must evaluate the nodes concerned,
 * and neighbours in one tap_add that a fault strikes start at the same layer. */
uint32_t tap_first(const struct tap *tap);

/* How many of the next `n` columns, from `position` on, may go into one pass: fewer if memory is
 * struck or scrubbed in between, or an integer redirects an entry. tap may be null. */
uint32_t tap_split(const struct tap *tap, uint32_t position, uint32_t n);

/* Whether a fault strikes stored weights or tables, which all branches of the executor see. */
bool tap_is_shared(const struct tap *tap);

/* The id that the sampler's integer becomes; tap->due if it is out of range. tap may be null. */
enum status tap_pick(struct tap *tap, uint32_t position, uint32_t *token) STATUS_MUST_USE;

/* A pass under construction: columns of any number of branches, each with its tap or none. */
struct tap_pass;

enum status tap_open(struct tap_pass **out, struct executor *ex) STATUS_MUST_USE;

/* Columns get up to `most` guards each: as many fewer fit into a pass. */
void tap_guarded(struct tap_pass *pass, uint32_t most);
void tap_close(struct tap_pass **pass);

/* Empty again: drops what was added. */
void tap_begin(struct tap_pass *pass);

/* Columns added so far. */
uint32_t tap_count(const struct tap_pass *pass);

/* How many more columns, from `position` on, fit with the hooks of the tap (may be null). 0 in an
 * empty pass: too many faults meet at the position (HOOK_MOST). */
uint32_t tap_room(const struct tap_pass *pass, const struct tap *tap, uint32_t position);

/* Adds columns of one branch, positions rising and as tap_split allows; `out` (n) is filled by
 * tap_go. Strikes memory that is due. If a control value is out of range nothing is added and
 * tap->due says so, nor after a failure. A tap is added at most once to a pass. */
enum status tap_add(struct tap_pass *pass, struct tap *tap, const struct column *columns,
                    uint32_t n, struct column_result *out) STATUS_MUST_USE;

/* Takes back the last tap_add, with its guards; strikes stay. */
void tap_undo(struct tap_pass *pass);

/* Guards of the columns last added, which guard.column counts from 0; tap_go fills the verdicts. */
enum status tap_guard(struct tap_pass *pass, struct guard *guards, uint32_t n) STATUS_MUST_USE;

/* Runs the pass (columns sorted by start layer); whoever added columns gets their results and
 * proofs. `watch`: column is the index in order of tap_add. Does nothing if nothing was added. */
enum status tap_go(struct tap_pass *pass, executor_watch *watch, void *watch_user) STATUS_MUST_USE;

/* Elements that an evaluation fault strikes at a position if it always fires there, given the last
 * key position the column sees. */
uint64_t tap_size(const struct tap_fault *fault, const struct node *node, uint32_t last_key);

/* False: no element's draw is below the rate, nothing fires. Boxes of more than TAP_DRAWS elements
 * count as firing. */
#define TAP_DRAWS 4096u
bool tap_may_fire(const struct hook_data *box);

/* The box at a position: keys resolved. False if the position sees none of them. */
bool tap_box(const struct tap_fault *fault, const struct node *node, uint32_t last_key,
             struct hook_data *out);

#endif

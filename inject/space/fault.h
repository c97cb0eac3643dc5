/* SPDX-License-Identifier: MIT */
/* One fault in logical coordinates: where, what, when; and its translation for an executor. */
#ifndef VKFI_INJECT_FAULT_H
#define VKFI_INJECT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "inject/space/kinds.h"
#include "model/executor.h"
#include "model/tap.h"

/* One fault: where, what, when. An activation is one evaluation of one element at one position, in
 * logical terms (METHOD.md 2): it does not depend on how passes are split or matrices merged.
 * Struck are the elements of the box rows x ks x keys at all positions position .. position +
 * position_count - 1; granularity, readers and duration, from which the ranges were made (widen.h),
 * are kept for records. Counts and steps of 0 count as 1. */
struct fault {
    enum place place;
    const char *site;            /* as in the graph or the file; print it by fault_site */
    uint32_t node;               /* PLACE_OP: index in the graph */
    const struct tensor *tensor; /* PLACE_WEIGHT */
    uint32_t layer;              /* GRAPH_NO_LAYER: embedding, output norm, output, tables */
    uint32_t point;              /* HOOK_*; HOOK_MEM for memory and control */
    enum quant_field field;      /* weights: stored field */
    bool value_cache;            /* PLACE_KV: V instead of K */
    enum control control;        /* PLACE_CONTROL */
    uint32_t table;              /* PLACE_TABLE: 0 global, 1 local */

    enum granularity granularity;
    enum readers readers; /* points weight and operand */
    enum duration duration;
    uint32_t position, position_count; /* evaluations struck, FAULT_FOREVER: to the end; memory:
                                          from the strike until the scrub, FAULT_FOREVER: never */
    /* Coordinates: table in shared/hook.h; PLACE_WEIGHT: row, and element k of it; PLACE_KV: k =
     * feature, key = position of the entry; PLACE_TABLE: row = position, k = element. Operand of
     * LINEAR with readers row or tile: the rows are the outputs that see it. */
    uint32_t row, row_count, row_step;
    uint32_t k, k_count, k_step;
    uint32_t key, key_count; /* FAULT_ALL_KEYS: all that the position sees; PLACE_KV: all stored */

    enum kind kind;
    uint32_t mask;      /* flip, stuck_at_*, random, mix: bits concerned */
    uint32_t value;     /* set: bits; scale, add: f32 bits of factor or term */
    uint32_t low, high; /* clamp: f32 bits */
    uint32_t from;      /* wrong_read: first coordinate read instead, on the axis of fault_from;
                           wrong_write: row written instead */

    uint32_t only_mask, only_value; /* fires only where (bits & only_mask) == only_value */
    uint32_t rate;                  /* intermittent: fires where a draw of 32 bits is below it */
    uint64_t key_low, key_high;     /* campaign seed, trial id: of random bits and of `rate`, drawn
                                       by (key, site, point, position, element) */
};

#define FAULT_FOREVER TAP_FOREVER
#define FAULT_ALL_KEYS TAP_ALL_KEYS

/* A run's limits of coordinates: prompt length and evaluated positions. */
struct fault_bounds {
    const struct model *model;
    enum storage act, kv;
    uint32_t n_prompt;  /* P: decode step t is position P - 1 + t */
    uint32_t positions; /* of the executor: no coordinate may reach it */
};

/* The name of the site as plans and records write it: "blk.3.kv_k", "control.token". */
#define FAULT_SITE_TEXT 96
void fault_site(const struct fault *fault, char out[FAULT_SITE_TEXT]);

/* Faults as a file lists them: an object, or a list of trials, each an object or a list of faults
 * that strike together. */
#define FAULT_TRIAL_MOST 4096
struct fault_trial {
    struct fault *fault; /* (count) */
    uint32_t count;      /* 1 to FAULT_TRIAL_MOST */
};
struct fault_trials {
    struct fault_trial *trial; /* (count) */
    uint32_t count;            /* at least one */
};

/* Errors name JSON pointer and line; unknown fields are refused with a suggestion. README.md lists
 * the fields. Memory from `arena`; sites point into it. */
enum status fault_parse_trials(struct fault_trials *out, struct arena *arena,
                               const struct json_doc *doc,
                               const struct fault_bounds *bounds) STATUS_MUST_USE;

/* The same without the bounds between trials. */
enum status fault_parse(struct fault **out, uint32_t *out_count, struct arena *arena,
                        const struct json_doc *doc,
                        const struct fault_bounds *bounds) STATUS_MUST_USE;

/* The whole fault as an object that fault_parse reads: with ranges as they are, since its
 * granularity would widen them again. */
void fault_put(struct json_writer *w, const struct fault *fault);
/* The same as one line; the text from `arena`. */
enum status fault_put_text(const char **out, struct arena *arena,
                           const struct fault *fault) STATUS_MUST_USE;

/* Sets place, node, tensor, layer, table or control from a site name; false if there is none. */
bool fault_find(struct fault *out, const struct model *model, const char *site);

/* All names that fault_find knows. Memory from `arena`; the model's own texts are not copied. */
struct fault_names {
    const char **name; /* (count) */
    size_t count;
};
enum status fault_names_list(struct fault_names *out, struct arena *arena,
                             const struct model *model) STATUS_MUST_USE;

/* Every coordinate inside its site, the bits inside the width of what is struck, the kind one of
 * the place and point. `where` starts the message. */
enum status fault_check(const struct fault *fault, const struct fault_bounds *bounds,
                        const char *where) STATUS_MUST_USE;

/* Bits of the stored field or value that the fault edits: 32, 16, or a field's width. */
uint32_t fault_width(const struct fault *fault, const struct fault_bounds *bounds);

/* Whether clamp, scale and add can take those bits as a number, and its type. */
bool fault_number(const struct fault *fault, const struct fault_bounds *bounds, enum storage *out);

/* One coordinate: elements along it (0: the fault has no such coordinate), and how many neighbours
 * a fault strikes together since they share a scale or a group: ranges go in such steps. */
struct fault_axis {
    uint32_t count, unit;
};

/* The box that a fault can strike. */
struct fault_axes {
    struct fault_axis row, k;
    uint32_t readers; /* not 0: `row` names one of this many outputs that read a shared operand */
    bool key;         /* has key positions */
    bool operands;    /* `k` names an operand, not an element */
};
struct fault_axes fault_axes(const struct fault *fault, const struct fault_bounds *bounds);

/* Whether `row` says where the fault is: an element, or the output that reads it. */
static inline bool fault_has_row(const struct fault_axes *axes)
{
    return axes->row.count > 0 || axes->readers > 0;
}

/* Which coordinate `from` is of. */
enum tap_from fault_from(const struct fault *fault, const struct fault_bounds *bounds);

/* The fault as the executor's tap takes it. */
void fault_tap(const struct fault *fault, const struct fault_bounds *bounds, struct tap_fault *out);

/* The same fault, changing nothing: it fires alike as long as the bits are equal. */
struct fault fault_dry(const struct fault *fault);

/* The end of a run with the fault. */
struct fault_run {
    uint32_t n_evaluated; /* positions 0 .. n_evaluated - 1 were evaluated */
    bool due;             /* it ended at an integer out of range: no prediction for control */
};

/* Expected activations (METHOD.md 3), from coordinates and draws alone. Exact unless the fault is
 * conditional (only_mask): firing then depends on bits, the number is an upper bound and false is
 * returned. At the first position the fault still meets golden's bits: what fault_dry counts on
 * golden columns must equal tap_proof.count_first. */
bool fault_expected(uint64_t *out, const struct fault *fault, const struct fault_bounds *bounds,
                    const struct fault_run *run);

#endif

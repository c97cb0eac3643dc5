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
 * logical terms (method 2): it does not depend on how passes are split or matrices merged. All
 * elements row, row + row_step .. (row_count of them) at all positions position .. position +
 * position_count - 1 are struck; granularity, readers and duration are what the ranges were made
 * from, kept for records. */
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
    uint32_t position, position_count; /* evaluations struck; memory: from the strike until the
                                          scrub, count UINT32_MAX: never scrubbed */
    uint32_t row, row_count, row_step; /* coordinates: table in shared/hook.h; PLACE_WEIGHT: row and
                                          element k; PLACE_KV: k = feature, key = position of the
                                          entry; PLACE_TABLE: row = position, k = element */
    uint32_t k, key;

    enum kind kind;
    uint32_t mask;      /* flip, stuck_at_*, mix: bits concerned */
    uint32_t value;     /* set: bits; scale, add: f32 bits of factor or term */
    uint32_t low, high; /* clamp: f32 bits */
    uint32_t from;      /* wrong_read, wrong_write: row (KV: position, weight: row) meant instead */

    uint32_t only_mask, only_value; /* fires only where (bits & only_mask) == only_value */
    uint32_t rate;                  /* intermittent: fires where a draw of 32 bits is below it */
    uint64_t key_low, key_high;     /* campaign seed, trial id: of random bits and of `rate`, drawn
                                       by (key, node, position, element) */
};

/* What a run gives for coordinates: prompt length and evaluated positions. */
struct fault_bounds {
    const struct model *model;
    enum storage act, kv;
    uint32_t n_prompt;  /* P: decode step t is position P - 1 + t */
    uint32_t positions; /* of the executor: no coordinate may reach it */
};

/* The name of the site as plans and records write it; PLACE_KV: "blk.3.kv_k". */
#define FAULT_SITE_TEXT 96
void fault_site(const struct fault *fault, char out[FAULT_SITE_TEXT]);

/* One fault or a list of them. Errors name JSON pointer and line; unknown fields are refused with a
 * suggestion. Fields: site, point, kind, mask | bit | bits, value, position | step, row, k, key,
 * field. */
enum status fault_parse(struct fault **out, uint32_t *out_count, struct arena *arena,
                        const struct json_doc *doc,
                        const struct fault_bounds *bounds) STATUS_MUST_USE;

/* Every coordinate inside its site, the mask inside the width of what is struck. `where` starts
 * the message. */
enum status fault_check(const struct fault *fault, const struct fault_bounds *bounds,
                        const char *where) STATUS_MUST_USE;

/* Bits of the stored thing or value that the fault edits: 32, 16, or a field's width. */
uint32_t fault_width(const struct fault *fault, const struct fault_bounds *bounds);

/* The masks of a kind, for hook_data (stale is done by the tap). */
void fault_masks(const struct fault *fault, struct hook_data *out);

/* The evaluation hook of a PLACE_OP. */
void fault_hook(const struct fault *fault, const struct graph *graph, struct tap_hook *out);

/* Strikes a PLACE_WEIGHT or PLACE_KV on a branch now. */
enum status fault_strike(const struct fault *fault, struct executor *ex, uint32_t branch,
                         struct hook_data *out) STATUS_MUST_USE;

/* Puts a struck weight back to `before` (KV entries go with their branch). */
enum status fault_undo(const struct fault *fault, struct executor *ex,
                       uint32_t before) STATUS_MUST_USE;

#endif

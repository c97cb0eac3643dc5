/* SPDX-License-Identifier: MIT */
/* The table of the ops: their points and coordinates, what they read and write, their cost.
 *
 * Checks of passes, faults, draws, sites, hazards and costs use this one table. */
#ifndef VKFI_MODEL_OP_H
#define VKFI_MODEL_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"

/* What the bits of a WEIGHT point are; others are numbers of registers. */
enum op_stored {
    OP_STORED_NONE,
    OP_STORED_NUMBER, /* a gain of a norm, f32 */
    OP_STORED_FIELD,  /* one field of a tensor's blocks */
    OP_STORED_KV      /* an entry of K or V */
};

/* Coordinates of a point of a node (struct hook_data, shared/hook.h): how many values each takes.
 * 0: the point does not have it. */
struct op_point {
    uint32_t rows;
    uint32_t row_step; /* rows that share one element: the first of each group names it. 1: none */
    uint32_t ks;
    bool keyed;     /* `key` is a key position that the column sees */
    bool operands;  /* `k` names an operand, 0 `in` or 1 `in2`, not an element of it */
    bool shared;    /* every output reads the element: `reader` says which see the fault */
    uint32_t bound; /* the element is an integer below this: out of it is no result; 0: a number */
    enum op_stored stored;
};

/* False if the node has no such point (HOOK_*). */
bool op_point(struct op_point *out, const struct node *node, uint32_t point);

/* True if the op has points: STORE has none; its faults are those of the entries it writes. */
bool op_is_site(enum op op);

/* True if the node's weight, and its bias if it has one, are vectors of f32: of norms. */
bool op_has_gain(enum op op);

/* True if the op is evaluated once for each key position that its column sees. */
bool op_per_key(enum op op);

/* True for nodes that are evaluated for columns with outputs only: output norm and output matrix.
 */
bool op_is_output(const struct node *node);

/* Registers (bit REG_*) and pages of K and V (OP_PAGES) that a node reads and writes. */
#define OP_BIT(reg) (UINT64_C(1) << (unsigned)(reg))
#define OP_PAGES REG_COUNT

struct op_access {
    uint64_t reads, writes;
};

struct op_access op_access(const struct node *node);

/* Key positions that the column at `position` sees, with a sliding window (0: none). */
uint32_t op_seen(uint32_t position, uint32_t window);

/* MACs of one evaluation for a column that sees `seen` key positions: products of two operands that
 * are summed, by matrices and attention; 0 for other ops, and for the squares that a norm sums. */
uint64_t op_macs(const struct node *node, uint32_t seen);

#endif

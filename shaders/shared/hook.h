/* SPDX-License-Identifier: MIT */
/* A fault as a kernel sees it: where in one evaluation of one op, and which bits. C and GLSL.
 *
 * The specialization constant HOOK_SPEC_ID of a kernel is HOOK_OFF, or the point of a patch, which
 * recomputes the outputs concerned with the fault in. What the fault does is data: hook_fires and
 * hook_edit. */
#ifndef VKFI_SHARED_HOOK_H
#define VKFI_SHARED_HOOK_H

#include "shared/hook_kinds.h"
#include "shared/lang.h"
#include "shared/numerics.h"

#define HOOK_SPEC_ID 100
#define HOOK_BINDING 7        /* of the hooks, in set 0 */
#define HOOK_MOST 4096        /* hooks of a pass */
#define HOOK_NONE 0xffffffffu /* a coordinate that a point does not have */

/* One hook and its proof. In a buffer (std430) on devices; all words, no padding.
 *
 * The elements struck are the box of rows row, row + row_step .. (rows of them), of ks likewise,
 * and of keys key .. key + keys - 1. Element (r, i, j) of the box has index
 * (r * ks + i) * keys + j; coordinates that a point does not have count 1.
 *
 * Which coordinates a point has, and how many values each takes: host/model/op.c. `row` is an
 * output element; of scores and probabilities a head. `k` is a term of the sum (at ACCUMULATOR a
 * block of 32), of ROPE the feature read, of GATE and ADD the operand: 0 gate or residual, 1 up or
 * delta. LAYER_NORM has two sums, of width terms each: k from width on (of
 * blocks: from their number on) is in the second. Of CHOOSE `k` is an expert, of ROUTE a term (an
 * expert or a chosen one), of MIX a chosen one, as operand its result, and from width on its
 * weight; of SHARE the operand: 0 result, 1 gate. A row of CHOOSE is a place in the order, and the
 * element the expert there, an integer: bits that are no expert's change nothing, but the fault is
 * `stray`. Where all rows of a group share one element (the sum of a norm, the probability that a
 * head's features read, the input of one expert), the group's first row names it.
 *
 * Operand: the copy of one evaluation, so all that read it see the fault; of LINEAR the outputs
 * reader, reader + 1 .. (readers of them). Weight of EMBED and LINEAR: the field as decoded for
 * this row, so that a scale changes for every element of its block, whichever of them names it; of
 * SCORES and HEADS: the stored K or V entry as read for this output. Partial: the sum's chain after
 * the term k, of SOFTMAX and HEADS after the term at `key`; of norms a chain of the sum of squares,
 * of LAYER_NORM first one of the mean.
 *
 * Accumulator: a sum over K has ceil(K / 32) blocks; block b ends with t, its chains joined and its
 * scale and minimum in, and t joins the running partial b mod 16. Element b is that partial right
 * after: blocks b - 16, b - 32, .. are in it, b + 16, .. will still join it. The last 16 blocks
 * (all, if there are fewer) are so the partials as the tree takes them. The tree's own sums and the
 * sums over keys (SOFTMAX, HEADS) are no elements.
 *
 * Absent elements: an evaluation has an element at key positions first_key .. last_key only, those
 * it sees. A box may reach beyond them: nothing there is struck, counted or captured, and the word
 * of a capture stays 0. So a stale fault reads 0 where nothing was evaluated one position earlier,
 * a wrong address where a score or a probability is outside the sliding window. K and V entries
 * (weight of SCORES and HEADS) exist whatever a query sees: a capture has those of positions 0 ..
 * its column's own. */
struct hook_data {
    uint kind;                  /* KIND_* */
    uint type;                  /* clamp, scale, add: NM_* type that the bits are in */
    uint mask, value;           /* bits concerned; bits set, or f32 bits of factor or term */
    uint low, high;             /* clamp: f32 bits */
    uint row, rows, row_step;   /* 0 counts as 1 */
    uint k, ks, k_step;         /* 0 counts as 1 */
    uint key, keys;             /* 0 counts as 1 */
    uint reader, readers;       /* operand of LINEAR; 0 readers: all outputs */
    uint field;                 /* WEIGHT of EMBED and LINEAR: enum quant_field */
    uint only_mask, only_value; /* fires only where (bits & only_mask) == only_value */
    uint rate;                  /* not 0: fires where the element's draw is below it */
    uint seed0, seed1;          /* of draws */
    uint position;              /* of draws: the column's */
    uint draw_row;              /* of draws: the row that stands for `row` */
    uint source;                /* not 0: the bits of stale, mix, wrong_* (which need them): word
                                   [source - 1 + index] of the pass */
    uint capture;               /* not 0: leave the value, put it into word [capture - 1 + index] */
    uint first_key, last_key;   /* keys that are not absent; set by executor_pass */
    uint count;                 /* out: activations */
    uint changed;               /* out: those of them that changed bits */
    uint first;                 /* out: lowest index that fired */
    uint before;                /* out: its bits before (canonical NaN) */
    uint after;                 /* out: and after */
    uint point;                 /* HOOK_*, for HOOK_SEVERAL; set by the executor, as `list` is */
    uint list;                  /* hooks of the patch, this one the first */
    uint stray;                 /* out: not 0: bits that are no number of what there is, so that
                                   the result without the faults stayed */
};

#ifdef VKFI_GLSL
#define HOOK_DATA hook_data
#else
#define HOOK_DATA struct hook_data
#endif

#ifndef VKFI_GLSL
/* Resolves counts of 0 to 1, and an operand's readers. */
static inline void hook_open(struct hook_data *h)
{
    h->rows = h->rows ? h->rows : 1;
    h->row_step = h->row_step ? h->row_step : 1;
    h->ks = h->ks ? h->ks : 1;
    h->k_step = h->k_step ? h->k_step : 1;
    h->keys = h->keys ? h->keys : 1;
    h->value = h->kind == KIND_ZERO ? 0 : h->value;
    h->first_key = 0;
    h->last_key = UINT32_MAX;
    h->count = h->changed = h->before = h->after = h->stray = 0;
    h->first = HOOK_NONE;
}

/* Elements of the box. */
static inline uint64_t hook_size(const struct hook_data *h)
{
    return (uint64_t)h->rows * h->ks * h->keys;
}
#endif

/* Index of x among the n values first, first + step, ..; HOOK_NONE: it is none of them. */
LANG_FN uint hook_index_in(uint x, uint first, uint n, uint step)
{
    uint i = (x - first) / step;
    return x >= first && i < n && first + i * step == x ? i : HOOK_NONE;
}

/* Index of an element in the box, HOOK_NONE outside it and for an absent element; HOOK_NONE
 * coordinates are ignored. */
LANG_FN uint hook_index(HOOK_DATA h, uint row, uint k, uint key)
{
    uint r = row == HOOK_NONE ? 0u : hook_index_in(row, h.row, h.rows, h.row_step);
    uint i = k == HOOK_NONE ? 0u : hook_index_in(k, h.k, h.ks, h.k_step);
    uint j = key == HOOK_NONE ? 0u : hook_index_in(key, h.key, h.keys, 1u);
    bool there = key == HOOK_NONE || (key >= h.first_key && key <= h.last_key);
    bool inside = r != HOOK_NONE && i != HOOK_NONE && j != HOOK_NONE;
    return there && inside ? (r * h.ks + i) * h.keys + j : HOOK_NONE;
}

/* 32 random bits of an element: a function of seed, position and coordinates alone (those of the
 * first element for coordinates that the point does not have), however passes are split. */
LANG_FN uint hook_draw(HOOK_DATA h, uint index, uint salt)
{
    uint j = index % h.keys, i = index / h.keys % h.ks, r = index / h.keys / h.ks;
    uint bits = nm_mix(h.seed0, h.seed1, salt);
    bits = nm_mix(h.position, bits, salt);
    bits = nm_mix(h.draw_row + r * h.row_step, bits, salt);
    bits = nm_mix(h.k + i * h.k_step, bits, salt);
    return nm_mix(h.key + j, bits, salt);
}

#define HOOK_SALT_RATE 0x13198a2eu
#define HOOK_SALT_BITS 0x03707344u

/* Whether the fault strikes an element with these bits. */
LANG_FN bool hook_fires(HOOK_DATA h, uint index, uint bits)
{
    return (bits & h.only_mask) == h.only_value &&
           (h.rate == 0u || hook_draw(h, index, HOOK_SALT_RATE) < h.rate);
}

/* clamp, scale and add on f32 bits (canonical). */
LANG_FN uint hook_arithmetic(HOOK_DATA h, uint bits)
{
    if (h.kind == KIND_SCALE)
        return nm_canon(LANG_BITS(LANG_FLOAT(bits) * LANG_FLOAT(h.value)));
    if (h.kind == KIND_ADD)
        return nm_canon(LANG_BITS(LANG_FLOAT(bits) + LANG_FLOAT(h.value)));
    if (nm_key(bits) < nm_key(h.low))
        return h.low;
    return nm_key(bits) > nm_key(h.high) ? h.high : bits;
}

/* The bits that a struck element gets; `other`: those of its source. */
LANG_FN uint hook_edit(HOOK_DATA h, uint index, uint bits, uint other)
{
    switch (h.kind) {
    case KIND_FLIP:
        return bits ^ h.mask;
    case KIND_STUCK_AT_0:
        return bits & ~h.mask;
    case KIND_STUCK_AT_1:
        return bits | h.mask;
    case KIND_SET:
    case KIND_ZERO: /* value is 0: a literal would be folded into what uses it */
        return h.value;
    case KIND_RANDOM:
        return (hook_draw(h, index, HOOK_SALT_BITS) & h.mask) | (bits & ~h.mask);
    case KIND_STALE:
    case KIND_WRONG_READ:
    case KIND_WRONG_WRITE:
        return other;
    case KIND_MIX:
        return (other & h.mask) | (bits & ~h.mask);
    case KIND_CLAMP:
    case KIND_SCALE:
    case KIND_ADD:
        return nm_store(hook_arithmetic(h, nm_canon(LANG_BITS(nm_load(bits, h.type)))), h.type);
    default: /* KIND_DRY */
        return bits;
    }
}

#endif

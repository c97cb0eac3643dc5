/* SPDX-License-Identifier: MIT */
/* A fault as a kernel sees it: where in one evaluation of one op, and which bits. C and GLSL.
 *
 * Every kernel that computes a site has the specialization constant HOOK_SPEC_ID: HOOK_OFF gives
 * the plain kernel, any other point the patch kernel, which recomputes a short list of outputs
 * with the fault in. What the fault does is data: after = ((before & and_mask) | or_mask) ^
 * xor_mask. */
#ifndef VKFI_SHARED_HOOK_H
#define VKFI_SHARED_HOOK_H

#include "shared/lang.h"

#define HOOK_SPEC_ID 100

/* Points (engine 4). */
#define HOOK_OFF 0u
#define HOOK_OPERAND 1u /* the op's private copy of its input, element `k`: all outputs see it */
#define HOOK_WEIGHT 2u  /* stored bits of one field as decoded by this op for this column */
#define HOOK_PARTIAL 3u /* chain k mod 4 of block k / 32 right after product k */
#define HOOK_OUT 4u     /* the f32 result of output `row`, before rounding */
#define HOOK_MEM 5u     /* the stored form of output `row` (16 bits where act is f16 or bf16) */

/* One hook and its proof. In a buffer (std430) on devices; all words, no padding.
 *
 * op       row                         k                              key
 * EMBED    feature                     (= row)                        -
 * NORM     feature (in the whole row)  feature in the group           -
 * LINEAR   output feature              input feature                  -
 * ROPE     feature                     feature read                   -
 * SCORES   head                        feature of the head            key position
 * SOFTMAX  head                        -                              key position
 * HEADS    head * head_dim + feature   -                              key position
 * GATE     feature                     0: gate, 1: up                 -
 * ADD      feature                     0: residual, 1: delta          -
 *
 * operand of LINEAR and NORM: every output of the row (NORM: group) is redone. Operand of SCORES:
 * element k of the query head `row`; every key of the head is redone. Operand of SOFTMAX: the
 * score at `key` of head `row`; all of that head's probabilities are redone. Operand of HEADS: the
 * probability at `key` of head row / head_dim; all features of that head are redone. Weight of
 * SCORES and HEADS: the stored K or V entry (feature k of the head; feature of `row`) at `key` as
 * read for this output. Partial of SOFTMAX: the sum's chain after the term at `key`; of HEADS: the
 * chain after the product at `key`; of NORM: the sum of squares' chain after the square of k. */
struct hook_data {
    uint and_mask;
    uint or_mask;
    uint xor_mask;
    uint row;
    uint k;
    uint key;
    uint field;   /* HOOK_WEIGHT of EMBED and LINEAR: enum quant_field */
    uint capture; /* not 0: leave the value, put it into or_mask of hook [capture - 1] */
    uint count;   /* out: activations */
    uint before;  /* out: bits before (canonical NaN) of the first activation */
    uint after;   /* out: bits after */
    uint unused;  /* keeps the stride at 48 bytes */
};

LANG_FN uint hook_edit(uint bits, uint and_mask, uint or_mask, uint xor_mask)
{
    return ((bits & and_mask) | or_mask) ^ xor_mask;
}

#endif

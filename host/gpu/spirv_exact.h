/* SPDX-License-Identifier: MIT */
/* The rules of NUMERICS.md 1 for SPIR-V: decorated before the optimiser, checked after it. */
#ifndef VKFI_GPU_SPIRV_EXACT_H
#define VKFI_GPU_SPIRV_EXACT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/spirv.h"

/* A copy of the module in which every OpFAdd, OpFSub and OpFMul is decorated NoContraction. The
 * caller frees *out_words. */
enum status spirv_exact_decorate(const struct spirv *module, uint32_t **out_words,
                                 size_t *out_count) STATUS_MUST_USE;

/* Refuses a module that breaks a rule: STATUS_INPUT, and one logged line per finding that says the
 * instruction, its result id, its name and source line where the module has them, and the rule.
 *
 * Allowed is only what is listed here; all else that touches a float is refused.
 *  - types: int and float of 32 bits, their vectors, arrays and structs; no matrix
 *  - capabilities: Shader, subgroup operations, packed integer dot product, memory model, the float
 *    controls
 *  - float arithmetic: FAdd, FSub, FMul, each decorated NoContraction; ConvertSToF, ConvertUToF
 *  - moves of floats: load, store, copy, select, phi, bitcast, composites, shuffles, calls,
 * subgroup broadcast and shuffle
 *  - extended instructions: those of GLSL.std.450 on integers
 *  - no operand of FAdd, FSub, FMul is a literal +0.0, +1.0 or -1.0 or a specialization constant,
 *    nor a vector with such a component, nor one of these through copies, phis, or a select of two
 *    constants; no such literal is stored in a local variable of floats
 *  - no such operand is undefined (OpUndef), wholly or in a component
 *  - no x - x, nor two reads of one element as x, and no product with a literal power of two, or
 *    with a select or phi of one, as an operand of FAdd or FSub
 *  - no RelaxedPrecision, FPFastMathMode or FPRoundingMode decoration */
enum status spirv_exact_check(const struct spirv *module) STATUS_MUST_USE;

#endif

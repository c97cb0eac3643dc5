/* SPDX-License-Identifier: MIT */
/* What each id of a SPIR-V module is: its definition, whether floats are in it, its name. */
#ifndef VKFI_GPU_SPIRV_IDS_H
#define VKFI_GPU_SPIRV_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "gpu/spirv.h"

struct spirv_ids {
    const struct spirv *module; /* not owned; outlives this */
    uint32_t *def;              /* (bound) word index of the definition, 0: none */
    bool *no_contraction;       /* (bound) decorated NoContraction */
    const char **name;          /* (bound) OpName, null: none; points into the module */
    uint32_t *visit;            /* (bound) scratch of searches: the last search that visited */
    uint8_t *seen;              /* (bound) scratch of spirv_ids_is_undefined: bit c: component c */
    uint32_t search;
};

enum status spirv_ids_init(struct spirv_ids *out, const struct spirv *module) STATUS_MUST_USE;
void spirv_ids_finish(struct spirv_ids *ids);

/* The defining instruction, or one with op SpvOpNop. */
struct spirv_ins spirv_ids_def(const struct spirv_ids *ids, uint32_t id);

/* A type that is a float or holds one; pointers do not. */
bool spirv_ids_type_holds_float(const struct spirv_ids *ids, uint32_t type);

/* A value of such a type. */
bool spirv_ids_is_float(const struct spirv_ids *ids, uint32_t id);

/* The id is, or may become when the driver folds constants, a float literal that a rule forbids as
 * an operand: +0.0, +1.0, -1.0, a specialization constant, a composite with one of these, or one
 * reached through copies, phis, or a select of two constants. Returns what it is ("the literal
 * 1.0"), or null. */
const char *spirv_ids_banned_literal(struct spirv_ids *ids, uint32_t id);

/* The id is a product with a literal power of two, or with a select or phi that gives one; perhaps
 * moved. */
bool spirv_ids_is_scaled(struct spirv_ids *ids, uint32_t id);

/* The id is an OpUndef, or a scalar or vector with a component that came from one through copies,
 * selects, phis or composites. */
bool spirv_ids_is_undefined(struct spirv_ids *ids, uint32_t id);

/* Both ids are made the same way from the same things, two reads of one element among them:
 * drivers merge them into one value. Stores between the reads are not looked for. */
bool spirv_ids_is_same(const struct spirv_ids *ids, uint32_t a, uint32_t b);

#endif

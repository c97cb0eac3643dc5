/* SPDX-License-Identifier: MIT */
/* SPIR-V as words: walking a module's instructions and naming them. */
#ifndef VKFI_GPU_SPIRV_H
#define VKFI_GPU_SPIRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPV_ENABLE_UTILITY_CODE
#include <spirv/unified1/spirv.h>

#include "base/status.h"

#define SPIRV_HEADER_WORDS 5
#define SPIRV_BOUND_MAX 4194303 /* universal limit of the specification, 2.17 */

/* A module in host byte order; not owned. */
struct spirv {
    const uint32_t *words;
    size_t count;     /* words */
    uint32_t bound;   /* ids are 1 .. bound - 1 */
    const char *name; /* for messages */
};

/* Position in a module; all zeros is before the first instruction. */
struct spirv_ins {
    const uint32_t *words; /* words[0] holds count and opcode */
    uint32_t count;        /* words, the first included */
    SpvOp op;
    size_t at; /* index of words[0] in the module */
};

/* Checks magic, header and that every instruction ends inside the module and each id lies below the
 * bound where the walk below relies on it: STATUS_INPUT with one line. */
enum status spirv_init(struct spirv *out, const uint32_t *words, size_t count,
                       const char *name) STATUS_MUST_USE;

/* Steps to the next instruction; false at the end. */
bool spirv_next(const struct spirv *module, struct spirv_ins *ins);

/* Result id and result type of an instruction; 0 where it has none. */
uint32_t spirv_result(const struct spirv_ins *ins);
uint32_t spirv_result_type(const struct spirv_ins *ins);

/* "OpFAdd"; "Op 1234" (in `text`) for those not in the table. */
const char *spirv_op_name(SpvOp op, char text[16]);

/* A literal string operand that starts at word `from`: null if it is not terminated inside. */
const char *spirv_text(const struct spirv_ins *ins, uint32_t from);

#endif

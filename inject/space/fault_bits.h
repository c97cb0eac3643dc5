/* SPDX-License-Identifier: MIT */
/* Meaning of the struck bits: their type, their value, and the class of field of a mask. */
#ifndef VKFI_INJECT_FAULT_BITS_H
#define VKFI_INJECT_FAULT_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/space/fault.h"

/* Type of what a fault strikes. */
struct fault_bits {
    uint32_t width;       /* bits                                                       */
    bool is_float;        /* else an integer: a code of a quantised block, an index */
    enum storage storage; /* of a float                                                 */
    const char *name;     /* field of a quantised block ("scale"), null: a plain value  */
};

void fault_bits_of(struct fault_bits *out, const struct fault *fault,
                   const struct fault_bounds *bounds);

/* The tensor whose stored bits are struck or read, null if it is not a weight. */
const struct tensor *fault_bits_weight(const struct fault *fault,
                                       const struct fault_bounds *bounds);

/* The bits of a float type, widened to f32 without a change of value. */
float fault_bits_float(const struct fault_bits *type, uint32_t bits);

/* The bits as a number; denormals keep their value. */
double fault_bits_value(const struct fault_bits *type, uint32_t bits);

/* "sign", "exponent", "mantissa" of a float, "integer", or the name of the block's field; "mixed"
 * where the mask spans several; null for an empty mask. */
const char *fault_bits_field(const struct fault_bits *type, uint32_t mask);

/* "0>1", "1>0", "mixed", null if nothing changed. */
const char *fault_bits_direction(uint32_t before, uint32_t after);

#endif

/* SPDX-License-Identifier: MIT */
/* The check of a range as devices make it: on the bits, as integers. C and GLSL. */
#ifndef VKFI_SHARED_RANGE_H
#define VKFI_SHARED_RANGE_H

#include "shared/lang.h"
#include "shared/numerics.h"

/* In a buffer (std430) on devices; all words, no padding. */
struct range_check {
    uint low, span;         /* keys low .. low + span are in range */
    uint writes;            /* not 0: values outside become these */
    uint below, above, nan; /* bits */
};

#ifdef VKFI_GLSL
#define RANGE_CHECK range_check
#else
#define RANGE_CHECK struct range_check
#endif

LANG_FN bool range_outside(RANGE_CHECK c, uint bits)
{
    return nm_key(bits) - c.low > c.span;
}

/* What a value outside becomes. */
LANG_FN uint range_repair(RANGE_CHECK c, uint bits)
{
    return nm_is_nan(bits) ? c.nan : (nm_key(bits) < c.low ? c.below : c.above);
}

#endif

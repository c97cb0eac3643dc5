/* SPDX-License-Identifier: MIT */
/* Kernels that sum memory: push constants, and weights of halves. C and GLSL. */
#ifndef VKFI_SHARED_SUMS_H
#define VKFI_SHARED_SUMS_H

#include "shared/lang.h"

/* Odd pseudo-random weights of 16 bits: of half i of a row of K or V, and of a position of a page.
 * Odd, so that bits of unequal worth never cancel. */
#define SUMS_POSITION 0x10000u
LANG_FN uint sums_weight(uint i)
{
    uint x = i * 0x9e3779b1u + 0x7f4a7c15u;
    x = (x ^ (x >> 15)) * 0x85ebca77u;
    x = (x ^ (x >> 13)) * 0xc2b2ae3du;
    return (x >> 16) | 1u;
}

/* Grid: pages of one region of weights. */
struct push_weight_sums {
    uint src, quads; /* of the region, from the first page on */
    uint page_quads;
    uint dst; /* quad of the results */
};

/* Grid: spans of K or V in one layer (host/model/executor_kv.h). */
struct push_kv_sums {
    uint job; /* quad of the first span in the jobs */
    uint row; /* quads of a position */
    uint dst; /* quad of the results */
};

#endif

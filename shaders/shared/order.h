/* SPDX-License-Identifier: MIT */
/* The order of sums over K (NUMERICS.md 3), spelled out.
 *
 * A term of index k lies in block b = k / 32, chain c = k % 4. In a block each chain adds its terms
 * in rising k, starting from -0.0 (so that the first addition is exact); the block's sum is
 * (c0 + c1) + (c2 + c3). Block b is added to partial b % 16 in rising b, starting from -0.0. The 16
 * partials join as a tree: p += p + 8, then + 4, + 2, + 1. Absent terms and partials are -0.0.
 *
 * Visited in the order of order_partial, the partials need one running and four waiting sums: after
 * the i-th, a waiting sum joins for each trailing one bit of i, as waiting + running. */
#ifndef VKFI_SHARED_ORDER_H
#define VKFI_SHARED_ORDER_H

#include "shared/numerics.h"

/* The i-th partial to visit: bit reversal of four bits (0,8,4,12,2,10,6,14,1,9,5,13,3,11,7,15). */
LANG_FN uint order_partial(uint i)
{
    return ((i & 1u) << 3) | ((i & 2u) << 1) | ((i & 4u) >> 1) | ((i & 8u) >> 3);
}

/* Units that hold n of something, the last one perhaps in part. */
LANG_FN uint order_ceil(uint n, uint unit)
{
    return n / unit + (n % unit != 0u ? 1u : 0u);
}

/* First key position that a query sees whose last is `last`; window 0: none. Keys before it and
 * after the last are absent: they have no score, no probability and no term in a sum. */
LANG_FN uint order_first_key(uint last, uint window)
{
    return window != 0u && last >= window ? last - window + 1u : 0u;
}

#endif

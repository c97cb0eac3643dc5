/* SPDX-License-Identifier: MIT */
/* A sum over K in the order of shared/order.h, visiting the partials in bit-reversed order.
 *
 * The 16 visits may be cut into 2, 4, 8 or 16 equal runs for as many invocations: each ends with
 * the sum of its run, and neighbouring runs join as a tree (sum_across). */
#ifndef VKFI_SHARED_SUM_GLSL
#define VKFI_SHARED_SUM_GLSL

#include "shared/order.h"

struct sum {
    float run; /* the partial being visited; after the last visit: the sum */
    float wait0, wait1, wait2, wait3;
};

void sum_open(inout sum s)
{
    s.run = NM_NEG_ZERO;
}

float sum_chains(vec4 chain)
{
    return (chain.x + chain.y) + (chain.z + chain.w);
}

/* Ends visit i of the invocation's `visits`: 1, 2, 4, 8 or 16, a constant. No branches: what an
 * addition gives before its time is not used. */
void sum_close(inout sum s, uint i, uint visits)
{
    float sum1 = s.wait0 + s.run, sum2 = s.wait1 + sum1, sum3 = s.wait2 + sum2;
    float sum4 = s.wait3 + sum3;
    s.wait0 = s.run;
    s.wait1 = (i & 1u) == 1u ? sum1 : s.wait1;
    s.wait2 = (i & 3u) == 3u ? sum2 : s.wait2;
    s.wait3 = (i & 7u) == 7u ? sum3 : s.wait3;
    if (visits > 1u)
        s.run = visits == 16u ? sum4 : visits == 8u ? sum3 : visits == 4u ? sum2 : sum1;
}

#endif

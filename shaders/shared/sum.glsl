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

/* Ends visit i (counted from the start of the invocation's run). */
void sum_close(inout sum s, uint i)
{
    if ((i & 1u) == 0u) {
        s.wait0 = s.run;
    } else {
        s.run = s.wait0 + s.run;
        if ((i & 2u) == 0u) {
            s.wait1 = s.run;
        } else {
            s.run = s.wait1 + s.run;
            if ((i & 4u) == 0u) {
                s.wait2 = s.run;
            } else {
                s.run = s.wait2 + s.run;
                if ((i & 8u) == 0u)
                    s.wait3 = s.run;
                else
                    s.run = s.wait3 + s.run;
            }
        }
    }
}

#endif

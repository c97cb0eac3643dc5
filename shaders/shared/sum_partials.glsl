/* SPDX-License-Identifier: MIT */
/* A sum whose partials lie in workgroup memory, computed by whoever likes. After sum.glsl. */
#ifndef VKFI_SHARED_SUM_PARTIALS_GLSL
#define VKFI_SHARED_SUM_PARTIALS_GLSL

#include "shared/sum.glsl"

shared float sum_partials[NM_PARTIALS];

/* For all invocations, after a barrier. */
float sum_of_partials()
{
    sum s = sum(NM_NEG_ZERO, NM_NEG_ZERO, NM_NEG_ZERO, NM_NEG_ZERO, NM_NEG_ZERO);
    for (uint i = 0u; i < NM_PARTIALS; i++) {
        s.run = sum_partials[order_partial(i)];
        s = sum_after(s, i, NM_PARTIALS);
    }
    return s.run;
}

#endif

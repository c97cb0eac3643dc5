/* SPDX-License-Identifier: MIT */
/* Sums over K in the order of shared/order.h, visiting the partials in bit-reversed order. Included
 * after the workgroup's size and SUM_COUNT, the sums of an invocation.
 *
 * The 16 visits may be cut into 2, 4, 8 or 16 equal runs for as many invocations: each ends with
 * the sum of its run, and neighbouring runs join as a tree (sum_join). */
#ifndef VKFI_SHARED_SUM_GLSL
#define VKFI_SHARED_SUM_GLSL

#include "shared/each.glsl"
#include "shared/order.h"

struct sum {
    float run; /* the partial being visited; after the last visit: the sum */
    float wait0, wait1, wait2, wait3;
};

sum total[SUM_COUNT];
shared float sum_runs[gl_WorkGroupSize.x * gl_WorkGroupSize.y * SUM_COUNT];

/* For each sum. lavapipe compiles and runs a loop faster. */
#if SUM_COUNT == 1
#define SUM_EACH(work) EACH_OF_1(i, work)
#elif SUM_COUNT == 4 && !defined(VKFI_TEXEL)
#define SUM_EACH(work) EACH_OF_4(i, work)
#elif SUM_COUNT == 8 && !defined(VKFI_TEXEL)
#define SUM_EACH(work) EACH_OF_8(i, work)
#else
#define SUM_EACH(work)                                                                             \
    for (uint i = 0u; i < SUM_COUNT; i++) {                                                        \
        work;                                                                                      \
    }
#endif

void sum_open()
{
    SUM_EACH(total[i].run = NM_NEG_ZERO);
}

float sum_chains(vec4 chain)
{
    return (chain.x + chain.y) + (chain.z + chain.w);
}

/* A sum after visit i of `visits`: 1, 2, 4, 8 or 16, a constant. No branches: what an addition
 * gives before its time is not used. */
sum sum_after(sum s, uint i, uint visits)
{
    float sum1 = s.wait0 + s.run, sum2 = s.wait1 + sum1, sum3 = s.wait2 + sum2;
    float sum4 = s.wait3 + sum3;
    s.wait0 = s.run;
    s.wait1 = (i & 1u) == 1u ? sum1 : s.wait1;
    s.wait2 = (i & 3u) == 3u ? sum2 : s.wait2;
    s.wait3 = (i & 7u) == 7u ? sum3 : s.wait3;
    if (visits > 1u)
        s.run = visits == 16u ? sum4 : visits == 8u ? sum3 : visits == 4u ? sum2 : sum1;
    return s;
}

void sum_close(uint visit, uint visits)
{
    SUM_EACH(total[i] = sum_after(total[i], visit, visits));
}

/* Joins the runs; run 0 has the sums then. `at`: of the invocation's first value in sum_runs;
 * `step`: from value to value, from run to run. */
void sum_join(uint run, uint runs, uint at, uvec2 step)
{
    for (uint apart = 1u; apart < runs; apart *= 2u) {
        SUM_EACH(sum_runs[at + i * step.x] = total[i].run);
        barrier();
        if (run % (2u * apart) == 0u) {
            SUM_EACH(total[i].run = total[i].run + sum_runs[at + apart * step.y + i * step.x]);
        }
        barrier();
    }
}

/* After sum_join: the first sum, for all runs; `first`: where run 0 has it in sum_runs. */
float sum_joined(uint run, uint first)
{
    if (run == 0u)
        sum_runs[first] = total[0].run;
    barrier();
    return sum_runs[first];
}

#endif

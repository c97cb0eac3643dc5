#version 460
/* SPDX-License-Identifier: MIT */
/* Sums of the 32-bit words of a page (host/model/weight_pages.h), a page a workgroup.
 *
 * Halves of words are summed in 32 bits, as sums of sums instead of products: of steps j = 0 .. m -
 * 1 of an invocation, sum j w_j = m A - T with A the sum of w and T the sum of A after each step.
 * Every SUM_STEPS steps they go into 64 bits. */
#include "shared/fetch.glsl"
#include "shared/sums.h"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_weight_sums push;
};
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, weights);

#define SUM_STEPS 128u /* A stays below 2^23, T below 2^30 */

/* 64-bit numbers: x low, y high. */
uvec2 plus(uvec2 a, uvec2 b)
{
    uint carry;
    uint low = uaddCarry(a.x, b.x, carry);
    return uvec2(low, a.y + b.y + carry);
}

uvec2 minus(uvec2 a, uvec2 b)
{
    return plus(a, plus(uvec2(~b.x, ~b.y), uvec2(1u, 0u)));
}

uvec2 times(uint a, uint b)
{
    uvec2 product;
    umulExtended(a, b, product.y, product.x);
    return product;
}

uvec2 half_up(uvec2 a)
{
    return uvec2(a.x << 16, a.y << 16 | a.x >> 16);
}

/* Sums of halves: in x, y the sum, in z, w that with the weights 2 i + 1. */
uvec4 fold(uvec4 sums, uvec4 a, uvec4 t, uint first, uint until)
{
    uvec2 sum = sums.xy, weighted = sums.zw;
    for (uint c = 0u; c < 4u; c++) {
        uint step_words = 8u * gl_WorkGroupSize.x; /* weights rise by this a step */
        sum = plus(sum, uvec2(a[c], 0u));
        weighted = plus(weighted, times(a[c], step_words * until + 8u * first + 2u * c + 1u));
        weighted = minus(weighted, times(t[c], step_words));
    }
    return uvec4(sum, weighted);
}

shared uvec4 parts[gl_WorkGroupSize.x];

void main()
{
    uint lane = gl_LocalInvocationID.x, page = gl_WorkGroupID.x * push.page_quads;
    uint n = min(push.quads - page, push.page_quads);
    uint steps = lane < n ? (n - lane + gl_WorkGroupSize.x - 1u) / gl_WorkGroupSize.x : 0u;
    uvec4 low = uvec4(0u), high = uvec4(0u);

    for (uint begin = 0u; begin < steps; begin += SUM_STEPS) {
        uint end = min(begin + SUM_STEPS, steps);
        uvec4 a_low = uvec4(0u), a_high = uvec4(0u), t_low = uvec4(0u), t_high = uvec4(0u);
        for (uint j = begin; j < end; j++) {
            uvec4 w = FETCH(weights, push.src + page + lane + j * gl_WorkGroupSize.x);
            a_low += w & 0xffffu;
            a_high += w >> 16;
            t_low += a_low;
            t_high += a_high;
        }
        low = fold(low, a_low, t_low, lane, end);
        high = fold(high, a_high, t_high, lane, end);
    }
    parts[lane] = uvec4(plus(low.xy, half_up(high.xy)), plus(low.zw, half_up(high.zw)));
    barrier();
    if (lane == 0u) {
        uvec4 all = parts[0];
        for (uint i = 1u; i < gl_WorkGroupSize.x; i++)
            all = uvec4(plus(all.xy, parts[i].xy), plus(all.zw, parts[i].zw));
        results[push.dst + gl_WorkGroupID.x] = all;
    }
}

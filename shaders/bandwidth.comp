#version 450
/* SPDX-License-Identifier: MIT */
/* Reads a buffer once and folds it into one word per invocation. */
#extension GL_GOOGLE_include_directive : require
#include "shared/lang.h"

layout(local_size_x_id = 0) in;

/* 0: an invocation reads one stretch; 1: neighbours read neighbouring words of four. */
layout(constant_id = 1) const uint SIDE_BY_SIDE = 0;

layout(set = 0, binding = 0, std430) readonly buffer Data
{
    uvec4 data[]; /* (invocations * each) */
};
layout(set = 0, binding = 1, std430) writeonly buffer Sums
{
    uint sums[]; /* (invocations) */
};
layout(push_constant) uniform Push
{
    uint invocations; /* a multiple of the local size */
    uint each;        /* a multiple of 8 */
};

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint step_ = SIDE_BY_SIDE != 0 ? invocations : 1u;
    uint at = SIDE_BY_SIDE != 0 ? i : i * each;
    uvec4 a = uvec4(0), b = uvec4(0), c = uvec4(0), d = uvec4(0);
    for (uint k = 0; k < each; k += 8) {
        a ^= data[at];
        b ^= data[at + step_];
        c ^= data[at + 2 * step_];
        d ^= data[at + 3 * step_];
        a ^= data[at + 4 * step_];
        b ^= data[at + 5 * step_];
        c ^= data[at + 6 * step_];
        d ^= data[at + 7 * step_];
        at += 8 * step_;
    }
    uvec4 sum = (a ^ b) ^ (c ^ d);
    sums[i] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}

#version 460
/* SPDX-License-Identifier: MIT */
/* A kernel with a hook that is gone when off, or, with TRACE, one that leaves a trace. */
#include "shared/fetch.glsl"

#ifndef TRACE
#define TRACE 0
#endif

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_add push;
};
QUAD_BUFFER(0, registers);

#include "shared/hook.glsl"

void main()
{
    uint i = push.quad0 + gl_GlobalInvocationID.x;
    if (i >= push.quads)
        return;
    vec4 x = uintBitsToFloat(registers[push.src + i]);
    vec4 t = uintBitsToFloat(registers[push.src2 + i]);
    vec4 sum = x + t;
    if (HOOK_ANY)
        sum = hook_results(uvec3(i * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), sum, ACT);
    uvec4 bits = round_quad(sum, ACT);
#ifndef VKFI_HOOK_FREE
#if TRACE == 1 /* a branch on data that is never taken in a clean run */
    if (push.hook != 0u)
        hooks[0].count += 1u;
#elif TRACE == 2 /* an operation that changes no value */
    bits = round_quad(x + (t + vec4(NM_NEG_ZERO)), ACT);
#elif TRACE == 3 /* the same operation with its operands the other way round */
    bits = round_quad(t + x, ACT);
#elif TRACE == 4 /* another constant */
    bits ^= uvec4(1u);
#elif TRACE == 5 /* the second read of a register */
    bits += registers[push.src + i] - floatBitsToUint(x);
#endif
#endif
    registers[push.dst + i] = bits;
}

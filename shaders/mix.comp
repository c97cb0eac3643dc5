#version 460
/* SPDX-License-Identifier: MIT */
/* MIX: the results of a column's experts by their weights; four features per invocation. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_mix push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);

#include "shared/hook.glsl"

/* A chain of four features after the term of expert j. */
vec4 add_term(vec4 chain, uint slot, uint i, uint j)
{
    if (j >= push.used)
        return chain;
    vec4 part = FETCH_FLOATS(inputs, push.src + slot * push.src_stride + j * push.quads + i);
    uvec4 weights = FETCH(inputs, push.weights + slot * push.weights_stride + j / 4u);
    vec4 weight = vec4(uintBitsToFloat(weights[j % 4u]));
    uvec3 at = uvec3(i * 4u, j, HOOK_NONE), step = uvec3(1u, 0u, 0u);
    if (HOOK_AT(HOOK_OPERAND)) {
        part = hook_quad(HOOK_OPERAND, at, step, part, true);
        weight =
            hook_quad(HOOK_OPERAND, uvec3(i * 4u, push.used + j, HOOK_NONE), step, weight, true);
    }
    chain = chain + weight * part;
    if (HOOK_AT(HOOK_PARTIAL))
        chain = hook_quad(HOOK_PARTIAL, at, step, chain, true);
    return chain;
}

void main()
{
    uint i = gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (i >= push.quads)
        return;
    vec4 c0 = vec4(NM_NEG_ZERO), c1 = c0, c2 = c0, c3 = c0;
    for (uint j = 0u; j < push.used; j += 4u) {
        c0 = add_term(c0, slot, i, j);
        c1 = add_term(c1, slot, i, j + 1u);
        c2 = add_term(c2, slot, i, j + 2u);
        c3 = add_term(c3, slot, i, j + 3u);
    }
    vec4 y = (c0 + c1) + (c2 + c3);
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(i * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    results[push.dst + slot * push.dst_stride + i] = bits;
}

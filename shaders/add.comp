#version 460
/* SPDX-License-Identifier: MIT */
/* ADD: the residual takes a branch's result; four features per invocation. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_add push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);

#include "shared/hook.glsl"

void main()
{
    uint i = push.quad0 + gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (i >= push.quads)
        return;
    vec4 x = FETCH_FLOATS(inputs, push.src + slot * push.src_stride + i);
    vec4 t = FETCH_FLOATS(inputs, push.src2 + slot * push.src2_stride + i);
    if (HOOK_AT(HOOK_OPERAND)) {
        x = hook_quad(HOOK_OPERAND, uvec3(i * 4u, 0u, HOOK_NONE), uvec3(1u, 0u, 0u), x, true);
        t = hook_quad(HOOK_OPERAND, uvec3(i * 4u, 1u, HOOK_NONE), uvec3(1u, 0u, 0u), t, true);
    }
    vec4 y = x + t;
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(i * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    results[push.dst + slot * push.dst_stride + i] = bits;
}

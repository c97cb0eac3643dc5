#version 460
/* SPDX-License-Identifier: MIT */
/* ADD: the residual takes a branch's result; four features an invocation. */
#include "shared/fetch.glsl"
#include "shared/hook.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block { push_add push; };
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, inputs);
HOOK_BUFFER(2)

void main()
{
    uint i = push.quad0 + gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (i >= push.quads)
        return;
    vec4 x = FETCH_FLOATS(inputs, push.residual + slot * push.residual_stride + i);
    vec4 t = FETCH_FLOATS(inputs, push.delta + slot * push.delta_stride + i);
    HOOK_DO(HOOK_OPERAND, for (uint k = 0u; k < 2u; k++) {
        vec4 v = hook_quad(push.hook, HOOK_OPERAND, uvec3(i * 4u, k, HOOK_NONE),
                           uvec3(1u, 0u, 0u), k == 0u ? x : t, true);
        x = k == 0u ? v : x;
        t = k == 0u ? t : v;
    })
    vec4 sum = x + t;
    uvec4 bits = round_quad(sum, ACT);
    HOOK_PATCH(bits = hook_results(push.hook, uvec3(i * 4u, HOOK_NONE, HOOK_NONE),
                                   uvec3(1u, 0u, 0u), sum, ACT))
    results[push.dst + slot * push.dst_stride + i] = bits;
}

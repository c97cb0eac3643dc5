#version 460
/* SPDX-License-Identifier: MIT */
/* SHARE: the result of the shared expert, by its gate; four features per invocation. */
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
    vec4 gate = vec4(FETCH_FLOATS(inputs, push.src2 + slot * push.src2_stride).x);
    if (HOOK_AT(HOOK_OPERAND)) {
        x = hook_quad(HOOK_OPERAND, uvec3(i * 4u, 0u, HOOK_NONE), uvec3(1u, 0u, 0u), x, true);
        gate = hook_quad(HOOK_OPERAND, uvec3(i * 4u, 1u, HOOK_NONE), uvec3(1u, 0u, 0u), gate, true);
    }
    vec4 y =
        x * vec4(nm_sigmoid(gate.x), nm_sigmoid(gate.y), nm_sigmoid(gate.z), nm_sigmoid(gate.w));
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(i * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    results[push.dst + slot * push.dst_stride + i] = bits;
}

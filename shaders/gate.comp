#version 460
/* SPDX-License-Identifier: MIT */
/* GATE: activation of the gate times the up projection; with GATE_ALONE, ACT: activation of the up
 * projection. Four features per invocation. */
#include "activation.glsl"
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_gate push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);

#include "shared/hook.glsl"

void main()
{
    uint i = push.quad0 + gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (i >= push.quads)
        return;
    vec4 g = FETCH_FLOATS(inputs, push.gate + slot * push.src_stride + i);
#ifdef GATE_ALONE
    if (HOOK_AT(HOOK_OPERAND))
        g = hook_quad(HOOK_OPERAND, uvec3(i * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), g,
                      true);
    vec4 y = activations(push.fn, g);
#else
    vec4 u = FETCH_FLOATS(inputs, push.up + slot * push.src_stride + i);
    if (HOOK_AT(HOOK_OPERAND)) {
        g = hook_quad(HOOK_OPERAND, uvec3(i * 4u, 0u, HOOK_NONE), uvec3(1u, 0u, 0u), g, true);
        u = hook_quad(HOOK_OPERAND, uvec3(i * 4u, 1u, HOOK_NONE), uvec3(1u, 0u, 0u), u, true);
    }
    vec4 y = activations(push.fn, g) * u;
#endif
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(i * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    results[push.dst + slot * push.dst_stride + i] = bits;
}

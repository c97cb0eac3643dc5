#version 460
/* SPDX-License-Identifier: MIT */
/* GATE: activation of the gate times the up projection; four features an invocation. */
#include "shared/fetch.glsl"
#include "shared/hook.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block { push_gate push; };
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, inputs);
HOOK_BUFFER(2)

float activation(float x)
{
    return push.gelu != 0u ? nm_gelu(x) : nm_silu(x);
}

void main()
{
    uint i = push.quad0 + gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (i >= push.quads || HOOK_PATCH_SKIP(hooks[push.hook].row / 4u != i))
        return;
    vec4 g = FETCH_FLOATS(inputs, push.gate + slot * push.src_stride + i);
    vec4 u = FETCH_FLOATS(inputs, push.up + slot * push.src_stride + i);
    HOOK_DO(HOOK_OPERAND, true, uint c = hooks[push.hook].row % 4u;
            if (hooks[push.hook].k == 0u)
                g[c] = hook_float(push.hook, g[c], true);
            else
                u[c] = hook_float(push.hook, u[c], true))
    vec4 a = vec4(activation(g.x), activation(g.y), activation(g.z), activation(g.w)) * u;
    uint at = push.dst + slot * push.dst_stride + i;
    if (!HOOK_PATCH)
        results[at] = round_quad(a, ACT);
    HOOK_ANY(true, uint c = hooks[push.hook].row % 4u;
            results[at][c] = hook_result(push.hook, a[c], ACT))
}

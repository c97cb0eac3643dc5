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
    if (i >= push.quads || HOOK_PATCH_SKIP(hooks[push.hook].row / 4u != i))
        return;
    vec4 x = FETCH_FLOATS(inputs, push.residual + slot * push.residual_stride + i);
    vec4 t = FETCH_FLOATS(inputs, push.delta + slot * push.delta_stride + i);
    HOOK_DO(HOOK_OPERAND, true, uint c = hooks[push.hook].row % 4u;
            if (hooks[push.hook].k == 0u)
                x[c] = hook_float(push.hook, x[c], true);
            else
                t[c] = hook_float(push.hook, t[c], true))
    vec4 sum = x + t;
    uint at = push.dst + slot * push.dst_stride + i;
    if (!HOOK_PATCH)
        results[at] = round_quad(sum, ACT);
    HOOK_ANY(true, uint c = hooks[push.hook].row % 4u;
            results[at][c] = hook_result(push.hook, sum[c], ACT))
}

#version 460
/* SPDX-License-Identifier: MIT */
/* Guards: checks of an output row, counted by one workgroup in integers. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_guard push;
};
QUAD_BUFFER(0, verdicts);
FETCH_BUFFER(1, inputs);

/* Inf and NaN of a quad, among the line's elements from `at` on. */
uint nonfinite(uvec4 quad, uint at)
{
    uint n = 0u;
    for (uint c = 0u; c < 4u; c++) {
        bool there = at + c >= push.first && at + c <= push.last;
        n += there && (quad[c] & NM_INF) == NM_INF ? 1u : 0u;
    }
    return n;
}

shared uint parts[gl_WorkGroupSize.x];

void main()
{
    uint lane = gl_LocalInvocationID.x, n = 0u;
    for (uint line = 0u; line < push.lines; line++) {
        uint row = push.src + line * push.line_quads;
        for (uint q = push.first / 4u + lane; q <= push.last / 4u; q += gl_WorkGroupSize.x)
            n += nonfinite(FETCH(inputs, row + q), q * 4u);
    }
    parts[lane] = n;
    barrier();
    if (lane == 0u) {
        for (uint i = 1u; i < gl_WorkGroupSize.x; i++)
            n += parts[i];
        verdicts[push.verdict] = uvec4(n, 0u, 0u, 0u);
    }
}

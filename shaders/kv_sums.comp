#version 460
/* SPDX-License-Identifier: MIT */
/* Sums of the halves of K or V of some positions of a page (host/model/executor_kv.h), a span a
 * workgroup. */
#include "shared/fetch.glsl"
#include "shared/sums.h"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_kv_sums push;
};
QUAD_BUFFER(0, results); /* after those of all spans their jobs: quad of the first row, its place in
                            the page, rows, mask of a word */
FETCH_BUFFER(1, pages);

shared uvec3 parts[gl_WorkGroupSize.x];

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uvec4 job = results[push.job + gl_WorkGroupID.x];
    uvec3 sums = uvec3(0u);
    for (uint i = lane; i < job.z * push.row; i += gl_WorkGroupSize.x) {
        uvec4 quad = FETCH(pages, job.x + i) & job.w;
        uvec4 low = quad & 0xffffu, high = quad >> 16;
        uint index = (job.y * push.row + i) * 8u, mixed = 0u;
        for (uint c = 0u; c < 4u; c++) {
            uint half_index = i % push.row * 8u + 2u * c;
            sums.x += low[c] + high[c];
            sums.y += (index + 2u * c + 1u) * low[c] + (index + 2u * c + 2u) * high[c];
            mixed += sums_weight(half_index) * low[c] + sums_weight(half_index + 1u) * high[c];
        }
        sums.z += sums_weight(SUMS_POSITION + job.y + i / push.row) * mixed;
    }
    parts[lane] = sums;
    barrier();
    if (lane == 0u) {
        for (uint i = 1u; i < gl_WorkGroupSize.x; i++)
            sums += parts[i];
        results[push.dst + gl_WorkGroupID.x] = uvec4(sums, 0u);
    }
}

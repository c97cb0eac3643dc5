#version 460
/* SPDX-License-Identifier: MIT */
/* Guards of what a STORE stores: sums of the halves of K and V of a slot, narrowed from the
 * registers (host/model/guard.h), a guard a workgroup. Of an EMBED: of its row's words. */
#include "shared/fetch.glsl"
#include "shared/guards.h"
#include "shared/sums.h"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
QUAD_BUFFER(0, verdicts);
FETCH_BUFFER(1, inputs);
GUARDS_BUFFER(2, guards_stored, rows);

/* Weighted and mixed sum of the features 4 i .. of a row. */
uvec2 sum_quad(uvec4 quad, uint i, uint type)
{
    uvec2 sums = uvec2(0u);
    for (uint c = 0u; c < 4u; c++) {
        uint bits = nm_store(quad[c], type), at = i * 4u + c;
        if (type == NM_F32) {
            uint low = bits & 0xffffu, high = bits >> 16;
            sums += low * uvec2(2u * at + 1u, sums_weight(2u * at));
            sums += high * uvec2(2u * at + 2u, sums_weight(2u * at + 1u));
        } else {
            sums += bits * uvec2(at + 1u, sums_weight(at));
        }
    }
    return sums;
}

shared uvec4 parts[gl_WorkGroupSize.x];

void main()
{
    uint lane = gl_LocalInvocationID.x;
    guards_stored row = rows[push.entry0 + gl_WorkGroupID.x];
    uvec4 sums = uvec4(0u);
    for (uint i = lane; i < row.quads; i += gl_WorkGroupSize.x) {
        if (row.k == row.v) {
            sums.xy += sum_quad(FETCH(inputs, row.k + i), i, NM_F32);
            continue;
        }
        sums.xy += sum_quad(FETCH(inputs, row.k + i), i, KV);
        sums.zw += sum_quad(FETCH(inputs, row.v + i), i, KV);
    }
    parts[lane] = sums;
    barrier();
    if (lane == 0u) {
        for (uint i = 1u; i < gl_WorkGroupSize.x; i++)
            sums += parts[i];
        verdicts[row.verdict] = sums;
    }
}

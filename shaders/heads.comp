#version 460
/* SPDX-License-Identifier: MIT */
/* HEADS: probabilities times values; an invocation has four features of a head, invocations in y
 * share the partials of the sum. */
#include "shared/pages.glsl"

layout(local_size_x_id = SPEC_LANES_X, local_size_y_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(push_constant) uniform push_block
{
    push_heads push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, pages);
WORD_BUFFER(3, columns);

#define SUM_COUNT 4 /* features */
#include "shared/hook.glsl"
#include "shared/sum.glsl"

/* Of key positions key .. key + 3; `probs`: the quad of position 0. */
vec4 read_probs(uint probs, uint key)
{
    return FETCH_FLOATS(inputs, probs + key / 4u);
}

/* The first feature of a quad. */
uint first_feature(uint quad)
{
    return (push.head0 + gl_WorkGroupID.y) * push.head_dim + quad * 4u;
}

#include "heads_block.glsl"

/* Captures V entries that the query does not see. */
void capture_unseen(uint head, uint table, uint quad, uvec2 span)
{
    for (uint h = hook_first(); h < hook_end(); h++) {
        uvec2 captured = hook_captured(h);
        for (uint key = captured.x; key <= captured.y; key++) {
            if (key >= span.x && key <= span.y)
                continue;
            uint row = (columns[table + key / NM_BLOCK] * NM_BLOCK + key % NM_BLOCK) * push.row +
                       push.values + PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
            uvec4 raw = pages_raw(FETCH(pages, row + PAGES_QUAD(KV, quad)), quad, KV);
            hook_stored(uvec3(first_feature(quad), HOOK_NONE, key), uvec3(1u, 0u, 0u), raw);
        }
    }
}

void main()
{
    uint quad = push.quad0 + gl_GlobalInvocationID.x, head = push.head0 + gl_WorkGroupID.y;
    uint slot = push.slot0 + gl_WorkGroupID.z;
    uint position = columns[slot * COLUMN_WORDS + COLUMN_LAST];
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    uvec2 span = uvec2(order_first_key(position, push.window), position);
    uint probs = push.src + gl_WorkGroupID.z * push.src_stride + head * push.head_stride;
    bool inside = quad * 4u < push.head_dim;
    if (HOOK_AT(HOOK_WEIGHT) && inside && gl_LocalInvocationID.y == 0u)
        capture_unseen(head, table, quad, span);
    sum_values(probs, table, head, quad, span);
    if (!inside || gl_LocalInvocationID.y != 0u)
        return;
    uint at = push.dst + slot * push.dst_stride + head * (push.head_dim / 4u) + quad;
    vec4 y = vec4(total[0].run, total[1].run, total[2].run, total[3].run);
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(first_feature(quad), HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y,
                            ACT);
    results[at] = bits;
}

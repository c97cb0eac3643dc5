#version 460
/* SPDX-License-Identifier: MIT */
/* SCORES: query times key of one head; KEYS key positions per invocation. */
#include "shared/pages.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(constant_id = SPEC_CAP) const uint CAP = 0u;
layout(push_constant) uniform push_block
{
    push_scores push;
};
WORD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, pages);
WORD_BUFFER(3, columns);

/* The key positions of an invocation lie a workgroup's width apart. */
#define SUM_COUNT 1
#include "shared/hook.glsl"
#include "shared/sum.glsl"

#include "scores_keys.glsl"

void main()
{
    uint slot = push.slot0 + gl_WorkGroupID.z, head = push.head0 + gl_WorkGroupID.y;
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    place at;
    at.head = head;
    at.last = columns[slot * COLUMN_WORDS + COLUMN_LAST];
    at.first = order_first_key(at.last, push.window);
    at.query = push.src + slot * push.src_stride + head * (push.head_dim / 4u);
    bool wanted[KEYS], any_wanted = false;
    for (uint j = 0u; j < KEYS; j++) {
        uint key =
            push.key0 + (gl_WorkGroupID.x * KEYS + j) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
        bool captured = false; /* a K entry that the query may not see */
        if (HOOK_AT(HOOK_WEIGHT))
            captured = hook_wants(HOOK_WEIGHT, uvec3(head, HOOK_NONE, key));
        uint read = captured ? key : clamp(key, at.first, at.last); /* others may have no page */
        at.key[j] = key;
        at.row[j] = key_row(table, read, head);
        wanted[j] = key >= at.first && key <= at.last;
        any_wanted = any_wanted || wanted[j] || captured;
    }
    if (!any_wanted)
        return;
    score_keys(at);
    for (uint j = 0u; j < KEYS; j++) {
        if (!wanted[j])
            continue;
        float y = capped(score[j].run);
        uint bits = floatBitsToUint(y);
        if (HOOK_ANY)
            bits = hook_result(uvec3(head, HOOK_NONE, at.key[j]), y, NM_F32);
        results[push.dst_words + gl_WorkGroupID.z * push.dst_stride_words + head * push.head_words +
                at.key[j]] = bits;
    }
}

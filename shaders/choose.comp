#version 460
/* SPDX-License-Identifier: MIT */
/* CHOOSE: an invocation counts the experts before its own in the order of the router's logits. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_choose push;
};
WORD_SAME(0, results);
FETCH_SAME(1, inputs);

#include "shared/hook.glsl"

/* Keys of the logits of experts 4 q .. 4 q + 3 of a column; each notes the faults of its own. */
uvec4 read_keys(uint slot, uint q, uint own)
{
    vec4 x = FETCH_FLOATS(inputs, push.src + slot * push.src_stride + q);
    uvec4 key;
    for (uint c = 0u; c < 4u; c++) {
        uint k = q * 4u + c;
        if (HOOK_AT(HOOK_OPERAND))
            x[c] = hook_float(HOOK_OPERAND, uvec3(HOOK_NONE, k, HOOK_NONE), x[c], k == own);
        key[c] = nm_key(floatBitsToUint(x[c]));
    }
    return key;
}

/* An expert with the faults of its rank; one that is none stays, and the fault says so. */
uint struck(uint rank, uint expert)
{
    uvec3 at = uvec3(rank, HOOK_NONE, HOOK_NONE);
    uint other = hook_bits(HOOK_OUT, at, expert, true);
    if (other < push.experts)
        return other;
    hook_stray(HOOK_OUT, at);
    return expert;
}

void main()
{
    uint own = gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y, rank = 0u;
    if (own >= push.experts)
        return;
    uint mine = read_keys(slot, own / 4u, HOOK_NONE)[own % 4u];
    for (uint q = 0u; q * 4u < push.experts; q++) {
        uvec4 key = read_keys(slot, q, own);
        for (uint c = 0u; c < 4u; c++) {
            uint k = q * 4u + c;
            bool precedes = key[c] > mine || (key[c] == mine && k < own);
            rank += k < push.experts && precedes ? 1u : 0u;
        }
    }
    if (rank >= push.used)
        return;
    uint expert = own;
    if (HOOK_AT(HOOK_OUT))
        expert = struck(rank, own);
    results[push.dst_words + slot * push.dst_stride_words + rank] = expert;
}

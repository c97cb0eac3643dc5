#version 460
/* SPDX-License-Identifier: MIT */
/* ROUTE: the weight of one of a column's experts per invocation; each has the whole sum. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_route push;
};
WORD_SAME(0, results);
FETCH_SAME(1, inputs);

#define SUM_COUNT 1
#include "shared/hook.glsl"
#include "shared/sum.glsl"

uint read_word(uint at, uint i)
{
    return FETCH(inputs, at + i / 4u)[i % 4u];
}

uint chosen(uint slot, uint j)
{
    return read_word(push.chosen + slot * push.chosen_stride, j);
}

/* Logit k of the sum: of the k-th chosen expert where the weights of these add up to 1. */
float read_term(uint slot, uint k, bool primary)
{
    uint expert = push.alone != 0u ? chosen(slot, k) : k;
    float x = uintBitsToFloat(read_word(push.src + slot * push.src_stride, expert));
    if (HOOK_AT(HOOK_OPERAND))
        x = hook_float(HOOK_OPERAND, uvec3(HOOK_NONE, k, HOOK_NONE), x, primary);
    return x;
}

float largest(uint slot, bool primary)
{
    uint key = 0u;
    for (uint k = 0u; k < push.terms; k++)
        key = max(key, nm_key(floatBitsToUint(read_term(slot, k, primary))));
    return uintBitsToFloat(nm_unkey(key));
}

float block_sum(uint slot, uint b, float m, bool primary)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    for (uint k = b * NM_BLOCK; k < min(push.terms, (b + 1u) * NM_BLOCK); k++) {
        float sum = chain[k % 4u] + nm_exp(read_term(slot, k, false) - m);
        if (HOOK_AT(HOOK_PARTIAL))
            sum = hook_float(HOOK_PARTIAL, uvec3(HOOK_NONE, k, HOOK_NONE), sum, primary);
        chain[k % 4u] = sum;
    }
    return sum_chains(chain);
}

void main()
{
    uint j = gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (j >= push.used)
        return;
    bool primary = j == 0u;
    float m = largest(slot, primary);
    for (uint i = 0u; i < NM_PARTIALS; i++) {
        sum_open();
        for (uint b = order_partial(i); b * NM_BLOCK < push.terms; b += NM_PARTIALS)
            total[0].run = total[0].run + block_sum(slot, b, m, primary);
        sum_close(i, NM_PARTIALS);
    }
    uint own = push.alone != 0u ? j : chosen(slot, j);
    float y = nm_exp(read_term(slot, own, false) - m) * nm_rcp(total[0].run);
    uint bits = floatBitsToUint(y);
    if (HOOK_ANY)
        bits = hook_result(uvec3(j, HOOK_NONE, HOOK_NONE), y, NM_F32);
    results[push.dst_words + slot * push.dst_stride_words + j] = bits;
}

#version 460
/* SPDX-License-Identifier: MIT */
/* SOFTMAX: scores of one head to probabilities; invocations in y share the partials of the sum. */
#include "shared/pages.glsl"

layout(local_size_x_id = SPEC_LANES_X, local_size_y_id = SPEC_LANES_Y) in;
layout(push_constant) uniform push_block
{
    push_softmax push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);
WORD_BUFFER(2, columns);

#define SUM_COUNT 1
#include "shared/hook.glsl"
#include "shared/sum.glsl"

shared uint keys[gl_WorkGroupSize.x * gl_WorkGroupSize.y];

struct span {
    uint source; /* quad of key position 0 */
    uint first, last;
    uint head;
};

bvec4 present(span s, uint i)
{
    uvec4 key = uvec4(0u, 1u, 2u, 3u) + 4u * i;
    return bvec4(key.x >= s.first && key.x <= s.last, key.y >= s.first && key.y <= s.last,
                 key.z >= s.first && key.z <= s.last, key.w >= s.first && key.w <= s.last);
}

/* Scores of keys 4 i .. 4 i + 3 as this op reads them. */
vec4 read_quad(span s, uint i, bool primary)
{
    vec4 x = FETCH_FLOATS(inputs, s.source + i);
    if (HOOK_AT(HOOK_OPERAND))
        x = hook_quad(HOOK_OPERAND, uvec3(s.head, HOOK_NONE, 4u * i), uvec3(0u, 0u, 1u), x,
                      primary);
    return x;
}

uint largest(span s, uint lane)
{
    uint key = 0u;
    for (uint i = s.first / 4u + lane; i * 4u <= s.last && s.first <= s.last;
         i += gl_WorkGroupSize.y) {
        vec4 x = read_quad(s, i, true);
        bvec4 there = present(s, i);
        for (uint c = 0u; c < 4u; c++)
            key = max(key, there[c] ? nm_key(floatBitsToUint(x[c])) : 0u);
    }
    return key;
}

/* e^(score - m) of four keys; garbage where absent. */
vec4 exp_quad(span s, uint i, float m)
{
    vec4 x = read_quad(s, i, false) - vec4(m);
    return vec4(nm_exp(x.x), nm_exp(x.y), nm_exp(x.z), nm_exp(x.w));
}

float block_sum(span s, uint b, float m)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    for (uint i = b * 8u; i < b * 8u + 8u; i++) {
        bvec4 there = present(s, i);
        if (!any(there))
            continue;
        vec4 sum = chain + exp_quad(s, i, m);
        for (uint c = 0u; c < 4u; c++)
            chain[c] = there[c] ? sum[c] : chain[c];
        if (HOOK_AT(HOOK_PARTIAL))
            chain = hook_quad(HOOK_PARTIAL, uvec3(s.head, HOOK_NONE, 4u * i), uvec3(0u, 0u, 1u),
                              chain, true);
    }
    return sum_chains(chain);
}

/* Probabilities of keys 4 i .. 4 i + 3. */
void write_quad(uint row, span s, uint i, vec4 p)
{
    bvec4 there = present(s, i);
    uvec4 bits = floatBitsToUint(p);
    if (HOOK_ANY)
        bits = hook_results(uvec3(s.head, HOOK_NONE, 4u * i), uvec3(0u, 0u, 1u), p, NM_F32);
    if (all(there)) {
        results[row + i] = bits;
        return;
    }
    for (uint c = 0u; c < 4u; c++) {
        if (there[c])
            results[row + i][c] = bits[c];
    }
}

/* The largest key of the invocations of a head. */
uint largest_across(uint key)
{
    keys[gl_LocalInvocationIndex] = key;
    barrier();
    for (uint y = 0u; y < gl_WorkGroupSize.y; y++)
        key = max(key, keys[y * gl_WorkGroupSize.x + gl_LocalInvocationID.x]);
    return key;
}

void main()
{
    uint head = push.head0 + gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    uint run = gl_LocalInvocationID.y, visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint row = gl_WorkGroupID.y * push.stride + head * push.head_stride;
    span s;
    s.head = head;
    s.source = push.src + row;
    s.last = columns[slot * COLUMN_WORDS + COLUMN_LAST];
    s.first = order_first_key(s.last, push.window);
    if (head >= push.heads) { /* nothing to do except the barriers */
        s.first = 1u;
        s.last = 0u;
    }
    uint key = largest(s, run);
    if (gl_WorkGroupSize.y > 1u)
        key = largest_across(key);
    float m = uintBitsToFloat(nm_unkey(key));
    for (uint i = 0u; i < visits; i++) {
        sum_open();
        uint first_block = s.first / NM_BLOCK, visit = order_partial(run * visits + i);
        uint b = visit + (first_block > visit
                              ? (first_block - visit + NM_PARTIALS - 1u) / NM_PARTIALS * NM_PARTIALS
                              : 0u);
        for (; b * NM_BLOCK <= s.last && s.first <= s.last; b += NM_PARTIALS)
            total[0].run = total[0].run + block_sum(s, b, m);
        sum_close(i, visits);
    }
    if (gl_WorkGroupSize.y > 1u) {
        sum_join(run, gl_WorkGroupSize.y, gl_LocalInvocationIndex, uvec2(1u, gl_WorkGroupSize.x));
        total[0].run = sum_joined(run, gl_LocalInvocationID.x);
    }
    float r = nm_rcp(total[0].run);
    for (uint i = s.first / 4u + run; i * 4u <= s.last && s.first <= s.last;
         i += gl_WorkGroupSize.y)
        write_quad(push.dst + row, s, i, exp_quad(s, i, m) * vec4(r));
}

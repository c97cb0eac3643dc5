#version 460
/* SPDX-License-Identifier: MIT */
/* SCORES, SOFTMAX and HEADS of one head of a column, whose scores and probabilities lie in the
 * workgroup's memory. All invocations share the key positions; then those in x have four features
 * each, and those in y share the partials of their sums. */
#include "shared/pages.glsl"
#include "shared/push_fused.h"

#ifndef VKFI_HOOK_FREE
#define VKFI_HOOK_FREE /* hooked nodes are dispatched one by one */
#endif

layout(local_size_x_id = SPEC_LANES_X, local_size_y_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(constant_id = SPEC_CAP) const uint CAP = 0u;
layout(push_constant) uniform push_block
{
    push_fused_attention push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, pages);
WORD_BUFFER(3, columns);

#define SUM_COUNT 4 /* features */
#include "shared/hook.glsl"
#include "shared/sum.glsl"
#include "shared/sum_partials.glsl"

#include "scores_keys.glsl"

/* By key position from that of `base` on: scores, then e, then probabilities. Absent ones in the
 * blocks of others: -0.0. */
shared float probs_of[ATTENTION_KEYS];
shared float block_sums[ATTENTION_KEYS / NM_BLOCK];
shared uint largest;

#define LANES (gl_WorkGroupSize.x * gl_WorkGroupSize.y)

vec4 read_probs(uint base, uint key)
{
    uint i = key - base;
    return vec4(probs_of[i], probs_of[i + 1u], probs_of[i + 2u], probs_of[i + 3u]);
}

uint first_feature(uint quad)
{
    return gl_WorkGroupID.x * push.head_dim + quad * 4u;
}

#include "heads_block.glsl"

/* Scores, and the largest of their keys. */
void score_all(uint slot, uint head, uint table, uvec2 span, uint base)
{
    uint key = 0u;
    place at;
    at.head = head;
    at.first = span.x;
    at.last = span.y;
    at.query = push.src + slot * push.src_stride + head * (push.head_dim / 4u);
    for (uint key0 = base + gl_LocalInvocationIndex; key0 <= span.y; key0 += KEYS * LANES) {
        for (uint j = 0u; j < KEYS; j++) {
            at.key[j] = key0 + j * LANES;
            at.row[j] = key_row(table, clamp(at.key[j], span.x, span.y), head);
        }
        score_keys(at);
        for (uint j = 0u; j < KEYS; j++) {
            if (at.key[j] < span.x || at.key[j] > span.y)
                continue;
            float y = capped(score[j].run);
            probs_of[at.key[j] - base] = y;
            key = max(key, nm_key(floatBitsToUint(y)));
        }
    }
    atomicMax(largest, key);
}

float sum_block(uint b)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    for (uint i = 0u; i < NM_BLOCK; i += 4u)
        chain = chain + read_probs(0u, b * NM_BLOCK + i);
    return sum_chains(chain);
}

/* The sum of e over all blocks. */
float sum_blocks(uint first, uint last)
{
    for (uint b = first + gl_LocalInvocationIndex; b <= last; b += LANES)
        block_sums[b - first] = sum_block(b - first);
    barrier();
    for (uint p = gl_LocalInvocationIndex; p < NM_PARTIALS; p += LANES) {
        float run = NM_NEG_ZERO;
        for (uint b = first + (p - first) % NM_PARTIALS; b <= last; b += NM_PARTIALS)
            run = run + block_sums[b - first];
        sum_partials[p] = run;
    }
    barrier();
    return sum_of_partials();
}

/* Scores to probabilities. */
void soften(uvec2 span, uint base)
{
    float m = uintBitsToFloat(nm_unkey(largest));
    uint end = (span.y / NM_BLOCK + 1u) * NM_BLOCK;
    for (uint key = base + gl_LocalInvocationIndex; key < end; key += LANES) {
        bool there = key >= span.x && key <= span.y;
        float e = nm_exp(probs_of[key - base] - m);
        probs_of[key - base] = there ? e : NM_NEG_ZERO;
    }
    barrier();
    float r = nm_rcp(sum_blocks(span.x / NM_BLOCK, span.y / NM_BLOCK));
    for (uint key = base + gl_LocalInvocationIndex; key < end; key += LANES)
        probs_of[key - base] = probs_of[key - base] * r;
    barrier();
}

void main()
{
    uint head = gl_WorkGroupID.x, slot = push.slot0 + gl_WorkGroupID.y;
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    uint last = columns[slot * COLUMN_WORDS + COLUMN_LAST];
    uvec2 span = uvec2(order_first_key(last, push.window), last);
    uint base = span.x / NM_BLOCK * NM_BLOCK, quads = push.head_dim / 4u;
    if (gl_LocalInvocationIndex == 0u)
        largest = 0u;
    barrier();
    score_all(slot, head, table, span, base);
    barrier();
    soften(span, base);
    for (uint first = 0u; first < quads; first += gl_WorkGroupSize.x) {
        uint quad = first + gl_LocalInvocationID.x;
        sum_values(base, table, head, quad, span);
        vec4 y = vec4(total[0].run, total[1].run, total[2].run, total[3].run);
        if (quad < quads && gl_LocalInvocationID.y == 0u)
            results[push.dst + slot * push.dst_stride + head * quads + quad] = round_quad(y, ACT);
    }
}

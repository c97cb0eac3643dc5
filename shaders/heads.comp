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

vec4 chain[4]; /* (keys) of four features */

/* Four key positions as read; a global, as in linear_block.glsl. */
struct four_keys {
    uint key, quad; /* the first key; the quad of features */
    uvec2 span;     /* first and last key seen */
    vec4 p;
    uvec4 value[4];
} four;

/* The first feature of a quad. */
uint feature_of(uint quad)
{
    return (push.head0 + gl_WorkGroupID.y) * push.head_dim + quad * 4u;
}

/* The chain of four features after key position j. A key outside the span adds nothing: -0.0
 * is selected, which costs less than a branch. */
void add_key(const uint j, const bool patched)
{
    uint key = four.key + j;
    bool there = key >= four.span.x && key <= four.span.y;
    uvec4 raw = pages_raw(four.value[j], four.quad, KV);
    if (patched && HOOK_AT(HOOK_WEIGHT))
        raw = hook_stored(uvec3(feature_of(four.quad), HOOK_NONE, key), uvec3(1u, 0u, 0u), raw);
    vec4 product = vec4(four.p[j]) * pages_value(raw, KV);
    chain[j] = chain[j] + (there ? product : vec4(NM_NEG_ZERO));
    if (patched && HOOK_AT(HOOK_PARTIAL))
        chain[j] = hook_quad(HOOK_PARTIAL, uvec3(feature_of(four.quad), HOOK_NONE, key),
                             uvec3(1u, 0u, 0u), chain[j], true);
}

/* Written out for lavapipe alone: SwiftShader takes a minute to compile four copies. Patches loop,
 * so that the text has their hooks once. */
void add_keys()
{
#ifdef VKFI_TEXEL
    if (!HOOK_ANY) {
        add_key(0u, false);
        add_key(1u, false);
        add_key(2u, false);
        add_key(3u, false);
        return;
    }
#endif
    for (uint j = 0u; j < 4u; j++)
        add_key(j, true);
}

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
            hook_stored(uvec3(feature_of(quad), HOOK_NONE, key), uvec3(1u, 0u, 0u), raw);
        }
    }
}

/* Adds the block of 32 key positions from `key0` on; `row`: the values of the first. */
void add_block(uint probs, uint row, uint quad, uint key0, uvec2 span)
{
    for (uint j = 0u; j < 4u; j++)
        chain[j] = vec4(NM_NEG_ZERO);
    uint first = max(key0, span.x) & ~3u, last = min(key0 + NM_BLOCK - 1u, span.y);
    for (uint key = first; key <= last; key += 4u) {
        uint at = row + (key - key0) * push.row + PAGES_QUAD(KV, quad);
        four.key = key;
        four.quad = quad;
        four.span = span;
        four.p = FETCH_FLOATS(inputs, probs + key / 4u);
        four.value[0] = FETCH(pages, at);
        four.value[1] = FETCH(pages, at + push.row);
        four.value[2] = FETCH(pages, at + 2u * push.row);
        four.value[3] = FETCH(pages, at + 3u * push.row);
        if (HOOK_AT(HOOK_OPERAND))
            four.p = hook_quad(HOOK_OPERAND, uvec3(feature_of(0u), HOOK_NONE, key),
                               uvec3(0u, 0u, 1u), four.p, quad == 0u);
        add_keys();
    }
    vec4 t = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    SUM_EACH(total[i].run = total[i].run + t[i]);
}

void main()
{
    uint quad = push.quad0 + gl_GlobalInvocationID.x, head = push.head0 + gl_WorkGroupID.y;
    uint slot = push.slot0 + gl_WorkGroupID.z, visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint position = columns[slot * COLUMN_WORDS + COLUMN_LAST];
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    uvec2 span = uvec2(order_first_key(position, push.window), position);
    uint probs = push.src + gl_WorkGroupID.z * push.src_stride + head * push.head_stride;
    uint first = span.x / NM_BLOCK, last = span.y / NM_BLOCK;
    bool inside = quad * 4u < push.head_dim;
    if (HOOK_AT(HOOK_WEIGHT) && inside && gl_LocalInvocationID.y == 0u)
        capture_unseen(head, table, quad, span);
    for (uint i = 0u; i < visits; i++) {
        uint visit = order_partial(gl_LocalInvocationID.y * visits + i);
        uint skipped = first > visit ? (first - visit + NM_PARTIALS - 1u) / NM_PARTIALS : 0u;
        sum_open();
        for (uint b = visit + skipped * NM_PARTIALS; inside && b <= last; b += NM_PARTIALS) {
            uint row = columns[table + b] * NM_BLOCK * push.row + push.values +
                       PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
            add_block(probs, row, quad, b * NM_BLOCK, span);
        }
        sum_close(i, visits);
    }
    if (gl_WorkGroupSize.y > 1u)
        sum_join(gl_LocalInvocationID.y, gl_WorkGroupSize.y, gl_LocalInvocationIndex * 4u,
                 uvec2(1u, gl_WorkGroupSize.x * 4u));
    if (!inside || gl_LocalInvocationID.y != 0u)
        return;
    uint at = push.dst + slot * push.dst_stride + head * (push.head_dim / 4u) + quad;
    vec4 y = vec4(total[0].run, total[1].run, total[2].run, total[3].run);
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits =
            hook_results(uvec3(feature_of(quad), HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    results[at] = bits;
}

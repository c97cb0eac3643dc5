#version 460
/* SPDX-License-Identifier: MIT */
/* SCORES: query times key of one head; KEYS key positions per invocation. */
#include "shared/pages.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(push_constant) uniform push_block
{
    push_scores push;
};
WORD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, pages);
WORD_BUFFER(3, columns);

/* Key positions of an invocation, a workgroup's width apart; q is read once for all. */
#ifdef VKFI_TEXEL
#define KEYS 2
#else
#define KEYS 1
#endif

#define SUM_COUNT KEYS
#include "shared/hook.glsl"
#include "shared/sum.glsl"

struct place {
    uint query;       /* quads */
    uint key[KEYS];   /* positions */
    uint row[KEYS];   /* quads */
    uint first, last; /* key positions the query sees */
    uint head;
};

/* Adds block b of the head's features; absent ones add -0.0. All is read before anything is
 * computed (linear_block.glsl). */
void add_block(place at, uint b, bool primary)
{
    vec4 q[8];
    uvec4 raw[KEYS * 8u];
    uint quads = push.head_dim / 4u;

    for (uint s = 0u; s < 8u; s++) {
        uint i = min(b * 8u + s, quads - 1u);
        q[s] = FETCH_FLOATS(inputs, at.query + i);
        for (uint j = 0u; j < KEYS; j++)
            raw[j * 8u + s] = FETCH(pages, at.row[j] + PAGES_QUAD(KV, i));
        if (HOOK_AT(HOOK_OPERAND))
            q[s] = hook_quad(HOOK_OPERAND, uvec3(at.head, (b * 8u + s) * 4u, HOOK_NONE),
                             uvec3(0u, 1u, 0u), q[s], primary);
    }
    for (uint j = 0u; j < KEYS; j++) {
        vec4 chain = vec4(NM_NEG_ZERO);
        for (uint s = 0u; s < 8u; s++) {
            uint i = b * 8u + s;
            uvec4 bits = pages_raw(raw[j * 8u + s], i, KV);
            if (HOOK_AT(HOOK_WEIGHT))
                bits = hook_stored(uvec3(at.head, i * 4u, at.key[j]), uvec3(0u, 1u, 0u), bits);
            vec4 product = q[s] * pages_value(bits, KV);
            chain = chain + (i < quads ? product : vec4(NM_NEG_ZERO));
            if (HOOK_AT(HOOK_PARTIAL))
                chain = hook_quad(HOOK_PARTIAL, uvec3(at.head, i * 4u, at.key[j]),
                                  uvec3(0u, 1u, 0u), chain, true);
        }
        total[j].run = total[j].run + sum_chains(chain);
        if (HOOK_AT(HOOK_ACCUMULATOR))
            total[j].run = hook_sum(uvec3(at.head, b, at.key[j]), total[j].run);
    }
}

/* The tree of few blocks has as many leaves as the next power of two: partials that no block joins
 * are -0.0, which changes nothing. */
void add_blocks(place at)
{
    uint blocks = (push.head_dim + NM_BLOCK - 1u) / NM_BLOCK, visits = 1u, apart = NM_PARTIALS;
    bool primary = false;
    for (uint j = 0u; j < KEYS; j++)
        primary = primary || at.key[j] == at.first;
    while (visits < blocks && visits < NM_PARTIALS) {
        visits *= 2u;
        apart /= 2u;
    }
    for (uint i = 0u; i < visits; i++) {
        sum_open();
        for (uint b = order_partial(i) / apart; b < blocks; b += NM_PARTIALS)
            add_block(at, b, primary);
        sum_close(i, visits);
    }
}

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
        at.row[j] = (columns[table + read / NM_BLOCK] * NM_BLOCK + read % NM_BLOCK) * push.row +
                    PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
        wanted[j] = key >= at.first && key <= at.last;
        any_wanted = any_wanted || wanted[j] || captured;
    }
    if (!any_wanted)
        return;
    add_blocks(at);
    for (uint j = 0u; j < KEYS; j++) {
        if (!wanted[j])
            continue;
        float y = total[j].run;
        uint bits = floatBitsToUint(y);
        if (HOOK_ANY)
            bits = hook_result(uvec3(head, HOOK_NONE, at.key[j]), y, NM_F32);
        results[push.dst_words + gl_WorkGroupID.z * push.dst_stride_words + head * push.head_words +
                at.key[j]] = bits;
    }
}

#version 460
/* SPDX-License-Identifier: MIT */
/* HEADS: probabilities times values; four features of a head an invocation, invocations in y share
 * the partials of the sum. */
#include "shared/hook.glsl"
#include "shared/pages.glsl"
#include "shared/sum.glsl"

layout(local_size_x_id = SPEC_LANES_X, local_size_y_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(push_constant) uniform push_block { push_heads push; };
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, inputs);
FETCH_BUFFER(2, pages);
WORD_BUFFER(3, columns);
WORD_BUFFER(4, tables);
HOOK_BUFFER(5)

shared float across[gl_WorkGroupSize.x * gl_WorkGroupSize.y * 4u];

sum total[4]; /* of the four features */

/* The chain of four features (in x .. w) after key position `key`. A key outside the span adds
 * nothing, whatever was read for it: -0.0 is selected, which costs less than a branch. */
#define ADD_KEY(j, edit_value, edit_chain)                                                         \
    {                                                                                              \
        bool there = key + (j) >= span.x && key + (j) <= span.y;                                   \
        uvec4 raw = pages_raw(value[j], quad, KV);                                                 \
        edit_value                                                                                 \
        vec4 product = vec4(p[j]) * pages_value(raw, KV);                                          \
        chain[j] = chain[j] + (there ? product : vec4(NM_NEG_ZERO));                               \
        edit_chain                                                                                 \
    }
/* Written out for lavapipe alone: SwiftShader takes a minute to compile four copies. */
#ifdef VKFI_TEXEL
#define ADD_KEYS                                                                                   \
    ADD_KEY(0u, , ) ADD_KEY(1u, , ) ADD_KEY(2u, , ) ADD_KEY(3u, , )
#else
#define ADD_KEYS                                                                                   \
    for (uint j = 0u; j < 4u; j++)                                                                 \
        ADD_KEY(j, , )
#endif

/* The same in a patch: one key after the other, so that hooks stand in the text once. */
#ifdef VKFI_HOOK_FREE
#define ADD_KEYS_AT(feature) ADD_KEYS
#else
#define EDIT_VALUE(feature)                                                                        \
    HOOK_DO(HOOK_WEIGHT,                                                                           \
            for (uint c = 0u; c < 4u; c++) raw[c] =                                                \
                hook_bits(push.hook, HOOK_WEIGHT, uvec3((feature) + c, HOOK_NONE, key + j),        \
                          raw[c], true))
#define EDIT_CHAIN(feature)                                                                        \
    HOOK_DO(HOOK_PARTIAL, chain[j] = hook_quad(push.hook, HOOK_PARTIAL,                            \
                                               uvec3(feature, HOOK_NONE, key + j),                 \
                                               uvec3(1u, 0u, 0u), chain[j], true))
#define ADD_KEYS_AT(feature)                                                                       \
    if (HOOK == HOOK_OFF) {                                                                        \
        ADD_KEYS                                                                                   \
    } else {                                                                                       \
        for (uint j = 0u; j < 4u; j++)                                                             \
            ADD_KEY(j, EDIT_VALUE(feature), EDIT_CHAIN(feature))                                   \
    }

/* V entries that the query does not see, for captures that want them. */
void capture_unseen(uint head, uint table, uint quad, uvec2 span)
{
    uint first = push.hook & ~HOOK_RECORD, end = first + hooks[first].list;
    uint feature = head * push.head_dim + quad * 4u;

    for (uint h = first; h < end; h++) {
        if (hooks[h].point != HOOK_WEIGHT || hooks[h].capture == 0u)
            continue;
        for (uint j = 0u; j < hooks[h].keys; j++) {
            uint key = hooks[h].key + j;
            if (key > hooks[h].last_key)
                break;
            if (key >= span.x && key <= span.y)
                continue;
            uint row = (tables[table + key / NM_BLOCK] * NM_BLOCK + key % NM_BLOCK) * push.row +
                       push.values + PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
            uvec4 bits = pages_raw(FETCH(pages, row + PAGES_QUAD(KV, quad)), quad, KV);
            for (uint c = 0u; c < 4u; c++)
                hook_bits(push.hook, HOOK_WEIGHT, uvec3(feature + c, HOOK_NONE, key), bits[c],
                          true);
        }
    }
}
#endif

/* Adds the block of 32 key positions that begins at `key0`; `row`: the values of its first. */
void add_block(uint probs, uint row, uint quad, uint key0, uvec2 span)
{
    uint feature0 = (push.head0 + gl_WorkGroupID.y) * push.head_dim, feature = feature0 + quad * 4u;
    vec4 chain[4];
    for (uint j = 0u; j < 4u; j++)
        chain[j] = vec4(NM_NEG_ZERO);
    uint first = max(key0, span.x) & ~3u, last = min(key0 + NM_BLOCK - 1u, span.y);
    for (uint key = first; key <= last; key += 4u) {
        uint at = row + (key - key0) * push.row + PAGES_QUAD(KV, quad);
        uvec4 value[4]; /* read before anything is computed, see linear.comp */
        vec4 p = FETCH_FLOATS(inputs, probs + key / 4u);
        value[0] = FETCH(pages, at);
        value[1] = FETCH(pages, at + push.row);
        value[2] = FETCH(pages, at + 2u * push.row);
        value[3] = FETCH(pages, at + 3u * push.row);
        HOOK_DO(HOOK_OPERAND, p = hook_quad(push.hook, HOOK_OPERAND,
                                            uvec3(feature0, HOOK_NONE, key), uvec3(0u, 0u, 1u), p,
                                            quad == 0u))
        ADD_KEYS_AT(feature)
    }
    vec4 t = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    for (uint f = 0u; f < 4u; f++)
        total[f].run = total[f].run + t[f];
}

void join_across()
{
    uint run = gl_LocalInvocationID.y, at = gl_LocalInvocationIndex * 4u;
    for (uint apart = 1u; apart < gl_WorkGroupSize.y; apart *= 2u) {
        for (uint f = 0u; f < 4u; f++)
            across[at + f] = total[f].run;
        barrier();
        if (run % (2u * apart) == 0u)
            for (uint f = 0u; f < 4u; f++)
                total[f].run = total[f].run + across[at + apart * gl_WorkGroupSize.x * 4u + f];
        barrier();
    }
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
    HOOK_DO(HOOK_WEIGHT, if (inside && gl_LocalInvocationID.y == 0u)
                             capture_unseen(head, table, quad, span))
    for (uint i = 0u; i < visits; i++) {
        uint visit = order_partial(gl_LocalInvocationID.y * visits + i);
        uint skipped = first > visit ? (first - visit + NM_PARTIALS - 1u) / NM_PARTIALS : 0u;
        for (uint f = 0u; f < 4u; f++)
            sum_open(total[f]);
        for (uint b = visit + skipped * NM_PARTIALS; inside && b <= last; b += NM_PARTIALS) {
            uint row = tables[table + b] * NM_BLOCK * push.row + push.values +
                       PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
            add_block(probs, row, quad, b * NM_BLOCK, span);
        }
        for (uint f = 0u; f < 4u; f++)
            sum_close(total[f], i, visits);
    }
    if (gl_WorkGroupSize.y > 1u)
        join_across();
    if (!inside || gl_LocalInvocationID.y != 0u)
        return;
    uint at = push.dst + slot * push.dst_stride + head * (push.head_dim / 4u) + quad;
    uvec4 bits = round_quad(vec4(total[0].run, total[1].run, total[2].run, total[3].run), ACT);
    HOOK_PATCH(bits = hook_results(push.hook,
                                   uvec3(head * push.head_dim + quad * 4u, HOOK_NONE, HOOK_NONE),
                                   uvec3(1u, 0u, 0u),
                                   vec4(total[0].run, total[1].run, total[2].run, total[3].run),
                                   ACT))
    results[at] = bits;
}

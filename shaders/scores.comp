#version 460
/* SPDX-License-Identifier: MIT */
/* SCORES: query times key of one head; one key position an invocation. */
#include "shared/hook.glsl"
#include "shared/pages.glsl"
#include "shared/sum.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(push_constant) uniform push_block { push_scores push; };
WORD_BUFFER(0, results);
FETCH_BUFFER(1, inputs);
FETCH_BUFFER(2, pages);
WORD_BUFFER(3, columns);
WORD_BUFFER(4, tables);
HOOK_BUFFER(5)

#ifdef VKFI_HOOK_FREE
#define HIT(i) false
#else
#define HIT(i) (hooks[push.hook].k / 4u == (i))
#endif

/* One block of the head's features: chains of the products, joined. */
float block_sum(uint query, uint key_row, uint b, bool primary)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    for (uint s = 0u; s < 8u; s++) {
        uint i = b * 8u + s;
        if (i * 4u >= push.head_dim)
            break;
        vec4 q = FETCH_FLOATS(inputs, query + i);
        HOOK_DO(HOOK_OPERAND, HIT(i), uint c = hooks[push.hook].k % 4u;
                q[c] = hook_float(push.hook, q[c], primary))
        uvec4 raw = pages_raw(FETCH(pages, key_row + PAGES_QUAD(KV, i)), i, KV);
        HOOK_DO(HOOK_WEIGHT, HIT(i), uint c = hooks[push.hook].k % 4u;
                raw[c] = hook_fire(push.hook, raw[c]))
        chain = chain + q * pages_value(raw, KV);
        HOOK_DO(HOOK_PARTIAL, HIT(i), uint c = hooks[push.hook].k % 4u;
                chain[c] = hook_float(push.hook, chain[c], true))
    }
    return sum_chains(chain);
}

void main()
{
    uint slot = push.slot0 + gl_WorkGroupID.z, head = push.head0 + gl_WorkGroupID.y;
    uint position = columns[slot * COLUMN_WORDS + COLUMN_POSITION];
    uint first = pages_first(position, push.window);
    uint key = push.key0 + gl_GlobalInvocationID.x;
    if (key < first || key > position || HOOK_SKIP(key != hooks[push.hook].key))
        return;
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    uint page = tables[table + key / NM_BLOCK];
    uint key_row = (page * NM_BLOCK + key % NM_BLOCK) * push.row +
                   PAGES_QUAD(KV, head / push.group * (push.head_dim / 4u));
    uint query = push.src + slot * push.src_stride + head * (push.head_dim / 4u);
    uint blocks = (push.head_dim + NM_BLOCK - 1u) / NM_BLOCK;
    sum total;
    for (uint i = 0u; i < NM_PARTIALS; i++) {
        sum_open(total);
        for (uint b = order_partial(i); b < blocks; b += NM_PARTIALS)
            total.run = total.run + block_sum(query, key_row, b, key == first);
        sum_close(total, i, NM_PARTIALS);
    }
    uint bits = floatBitsToUint(total.run);
    HOOK_ONE(true, bits = hook_result(push.hook, total.run, NM_F32))
    results[push.dst_words + gl_WorkGroupID.z * push.dst_stride_words + head * push.head_words +
            key] = bits;
}

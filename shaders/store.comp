#version 460
/* SPDX-License-Identifier: MIT */
/* STORE: K and V of a column, narrowed, into the page of its entry: its position, or another one,
 * and then zeros at its position. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(push_constant) uniform push_block
{
    push_store push;
};
QUAD_BUFFER(0, pages);
FETCH_BUFFER(1, inputs);
WORD_BUFFER(2, columns);

uvec4 narrow(uint source)
{
    uvec4 x = FETCH(inputs, source), out_bits;
    for (uint c = 0u; c < 4u; c++)
        out_bits[c] = nm_store(x[c], KV);
    return out_bits;
}

/* Quad i of a position's row: 4 features, or 8 of 16 bits. */
uvec4 stored(uint source, uint i)
{
    if (KV == NM_F32)
        return narrow(source + i);
    uvec4 a = narrow(source + 2u * i), b = narrow(source + 2u * i + 1u);
    return uvec4(a.xz, b.xz) | uvec4(a.yw, b.yw) << 16;
}

void main()
{
    uint i = gl_GlobalInvocationID.x, slot = gl_WorkGroupID.y;
    if (i >= push.row)
        return;
    uint position = columns[slot * COLUMN_WORDS + COLUMN_POSITION];
    uint entry = columns[slot * COLUMN_WORDS + COLUMN_ENTRY];
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    uint page = columns[table + entry / NM_BLOCK];
    uint at = (page * NM_BLOCK + entry % NM_BLOCK) * push.row + i;
    pages[at] = stored(push.k + slot * push.stride, i);
    pages[push.values + at] = stored(push.v + slot * push.stride, i);
    if (entry == position)
        return;
    at = (columns[table + position / NM_BLOCK] * NM_BLOCK + position % NM_BLOCK) * push.row + i;
    pages[at] = pages[push.values + at] = uvec4(0u);
}

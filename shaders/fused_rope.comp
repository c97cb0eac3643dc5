#version 460
/* SPDX-License-Identifier: MIT */
/* ROPE of q and k, and STORE: eight features of q, k or v per invocation. K and V go into the page
 * of the column's entry: its position, or another one, and then zeros to its position. */
#include "shared/pages.glsl"
#include "shared/push_fused.h"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(constant_id = SPEC_KV) const uint KV = NM_F32;
layout(push_constant) uniform push_block
{
    push_fused_rope push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, tables); /* (tables, positions, rope_dim / 2, 2) cosine, sine */
WORD_BUFFER(3, columns);
WORD_BUFFER(4, pages); /* 16-bit forms of a quad are half of another invocation's */

#include "rope_pairs.glsl"

/* The first word of quad `quad` of 4 features, in the row that starts at quad `row` of the pages.
 */
uint word_of(uint row, uint quad)
{
    return KV == NM_F32 ? (row + quad) * 4u : row * 4u + quad * 2u;
}

/* Four features of K or V, f32 bits, narrowed. */
void store_quad(uint row, uint quad, uvec4 bits)
{
    uint at = word_of(row, quad);
    uvec4 narrow = uvec4(nm_store(bits.x, KV), nm_store(bits.y, KV), nm_store(bits.z, KV),
                         nm_store(bits.w, KV));
    if (KV == NM_F32) {
        pages[at] = narrow.x;
        pages[at + 1u] = narrow.y;
        pages[at + 2u] = narrow.z;
        pages[at + 3u] = narrow.w;
    } else {
        pages[at] = narrow.x | narrow.y << 16;
        pages[at + 1u] = narrow.z | narrow.w << 16;
    }
}

/* The row of a position in the pages, of K; V's is push.values further. */
uint row_of(uint slot, uint position)
{
    uint table = columns[slot * COLUMN_WORDS + COLUMN_TABLE] + push.table_words;
    return (columns[table + position / NM_BLOCK] * NM_BLOCK + position % NM_BLOCK) * push.row;
}

/* Two quads of K (`values` 0) or V. */
void store(uint slot, uint values, uvec2 quads, uvec4 a, uvec4 b)
{
    uint position = columns[slot * COLUMN_WORDS + COLUMN_POSITION];
    uint entry = columns[slot * COLUMN_WORDS + COLUMN_ENTRY];
    uint row = row_of(slot, entry) + values;
    store_quad(row, quads.x, a);
    store_quad(row, quads.y, b);
    if (entry == position)
        return;
    row = row_of(slot, position) + values;
    store_quad(row, quads.x, uvec4(0u));
    store_quad(row, quads.y, uvec4(0u));
}

void rotate(uint unit, uint slot)
{
    uint source = push.src + slot * push.src_stride, row = push.dst + slot * push.dst_stride;
    rope_place place = rope_place_of(unit);
    vec4 x0 = FETCH_FLOATS(inputs, source + place.q0);
    vec4 x1 = FETCH_FLOATS(inputs, source + place.q1);
    rope_rotate(place, columns[slot * COLUMN_WORDS + COLUMN_ROPE], x0, x1);
    bool query = unit < push.scaled;
    if (query && push.scale != 0u) {
        x0 = x0 * vec4(uintBitsToFloat(push.scale));
        x1 = x1 * vec4(uintBitsToFloat(push.scale));
    }
    uvec4 a = round_quad(x0, ACT), b = round_quad(x1, ACT);
    results[row + place.q0] = a;
    results[row + place.q1] = b;
    uint before = push.scaled * 2u; /* quads of q */
    if (!query)
        store(slot, 0u, uvec2(place.q0, place.q1) - before, a, b);
}

void main()
{
    uint unit = gl_GlobalInvocationID.x, slot = gl_WorkGroupID.y;
    if (unit < push.units) {
        rotate(unit, slot);
    } else if (unit < push.all) {
        uint quad = 2u * (unit - push.units), at = push.v + slot * push.v_stride + quad;
        store(slot, push.values, uvec2(quad, quad + 1u), FETCH(inputs, at), FETCH(inputs, at + 1u));
    }
}

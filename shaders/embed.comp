#version 460
/* SPDX-License-Identifier: MIT */
/* EMBED: the values of the row of a column's token; one block per invocation. */
#include "shared/fetch.glsl"
#include "shared/order.h"
#include "shared/weights.glsl"

layout(local_size_x = 8) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_embed push;
};
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, weights);
WORD_BUFFER(2, columns);

#include "shared/hook_weights.glsl"

/* Where a row keeps block b (shared/weights.glsl). */
uint slot_of(uint b)
{
    uint slot = b / NM_PARTIALS, visit = order_partial(b % NM_PARTIALS);
    for (uint i = 0u; i < visit; i++)
        slot += (push.blocks + NM_PARTIALS - 1u - order_partial(i)) / NM_PARTIALS;
    return slot;
}

/* One code's value, before the model's factor. */
float element(float value, uint meta, uint super_word, uint s)
{
#if WEIGHT_FORM != FORM_PLAIN
    value = weight_scale(meta, super_word, s) * value;
#endif
#if WEIGHT_HAS_MIN
    value = value + weight_min(meta, super_word, s);
#endif
    return value;
}

/* Bits of the results of elements 4 s .. 4 s + 3 of block b. */
uvec4 embed(uvec4 raw, uint meta, uint super_word, uint b, uint s)
{
    uint feature = b * NM_BLOCK + 4u * s;
    if (HOOK_AT(HOOK_WEIGHT))
        raw = hook_codes(uvec3(feature, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), raw);
    vec4 code = weight_value(raw), value;
    for (uint c = 0u; c < 4u; c++)
        value[c] = element(code[c], meta, super_word, s);
    if (push.scale != 0u)
        value = value * vec4(uintBitsToFloat(push.scale));
    uvec4 bits = round_quad(value, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(feature, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), value, ACT);
    return bits;
}

void write_quad(uint at, uvec4 bits, uint b, uint s)
{
    if (b * 8u + s < push.quads)
        results[at + s] = bits;
}

void main()
{
    uint b = gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    uint token = columns[slot * COLUMN_WORDS + COLUMN_TOKEN];
    bool ours = token != COLUMN_NO_TOKEN && token >= push.row0 && token - push.row0 < push.rows &&
                b < push.blocks;
    if (!ours)
        return;
    uint row = token - push.row0, s = slot_of(b);
    uint tile = push.tile0 + row / TILE_ROWS * push.tile_size;
    uint lane = row % TILE_ROWS / 4u, r = row % 4u;
    uint meta = 0u, super_word = 0u, high[3];
    high[0] = high[1] = high[2] = 0u;
#ifdef WEIGHT_META_HALF
    meta = FETCH(weights, tile + weight_meta_at(push.blocks) + s / 2u * TILE_LANES + lane)[r];
    meta = (s & 1u) == 0u ? meta & 0xffffu : meta >> 16;
#elif WEIGHT_FORM != FORM_PLAIN
    meta = FETCH(weights, tile + weight_meta_at(push.blocks) + s * TILE_LANES + lane)[r];
#endif
#ifdef WEIGHT_SUPER
    super_word =
        FETCH(weights, tile + weight_super_at(push.blocks) + b / 8u * TILE_LANES + lane)[r];
#endif
    if (HOOK_AT(HOOK_WEIGHT)) {
        hook_block fields = hook_block_scales(HOOK_NONE, b, hook_block(meta, super_word));
        meta = fields.meta;
        super_word = fields.super_word;
    }
    for (uint h = 0u; h < WEIGHT_HIGH; h++)
        high[h] = FETCH(weights, tile + weight_high_at(push.blocks) +
                                     (s * WEIGHT_HIGH + h) * TILE_LANES + lane)[r];
    uint codes = tile + s * (WEIGHT_CODES * TILE_ROWS) + r * TILE_LANES + lane;
    uint at = push.dst + slot * push.dst_stride + b * 8u;
    for (uint step = 0u; step < 8u; step++) {
#ifdef WEIGHT_NO_QUADS
        uvec4 quad = uvec4(high[2]);
#else
        uvec4 quad = FETCH(weights, codes + WEIGHT_QUAD(step) * TILE_ROWS);
#endif
        uvec4 raw = weight_raw(quad, high[WEIGHT_WORD(step)], step);
        write_quad(at, embed(raw, meta, super_word, b, step), b, step);
    }
}

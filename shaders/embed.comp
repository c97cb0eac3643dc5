#version 460
/* SPDX-License-Identifier: MIT */
/* EMBED: the row of a column's token as numbers; one block an invocation. */
#include "shared/fetch.glsl"
#include "shared/hook.glsl"
#include "shared/order.h"
#include "shared/weights.glsl"

layout(local_size_x = 8) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block { push_embed push; };
QUAD_BUFFER(0, results);
FETCH_BUFFER(1, weights);
WORD_BUFFER(2, columns);
HOOK_BUFFER(3)

/* Where a row keeps block b (shared/weights.glsl). */
uint slot_of(uint b)
{
    uint slot = b / NM_PARTIALS, visit = order_partial(b % NM_PARTIALS);
    for (uint i = 0u; i < visit; i++)
        slot += (push.blocks + NM_PARTIALS - 1u - order_partial(i)) / NM_PARTIALS;
    return slot;
}

#ifdef VKFI_HOOK_FREE
#define EDIT_SCALES(meta, super_word)
#else
/* Edits d, m, sc or mn of the block. */
void edit_scales(inout uint meta, inout uint super_word)
{
    uint field = hooks[push.hook].field, shift = 0u, mask = 0xffffu;
    bool in_super = false;
#ifdef WEIGHT_SUPER
    in_super = field == FIELD_SCALE || field == FIELD_MIN;
    mask = in_super ? 0xffffu : WEIGHT_SUB_MASK;
    if (WEIGHT_FORM == FORM_HALF && hooks[push.hook].row % NM_BLOCK >= 16u)
        shift = field == FIELD_SUBSCALE ? 8u : 0u;
    if (field == FIELD_SUBMIN)
        shift = 8u;
#endif
    if (field == FIELD_MIN)
        shift = 16u;
    uint word = in_super ? super_word : meta;
    uint bits = hook_fire(push.hook, (word >> shift) & mask) & mask;
    word = (word & ~(mask << shift)) | (bits << shift);
    super_word = in_super ? word : super_word;
    meta = in_super ? meta : word;
}
#define EDIT_SCALES(meta, super_word)                                                              \
    HOOK_DO(HOOK_WEIGHT, hooks[push.hook].field != FIELD_CODE, edit_scales(meta, super_word))
#endif

/* Bits of the results of elements 4 s .. 4 s + 3 of block b. */
uvec4 embed(uvec4 raw, uint meta, uint super_word, uint b, uint s)
{
    vec4 value = weight_value(raw);
    HOOK_DO(HOOK_WEIGHT,
            hooks[push.hook].row / 4u == b * 8u + s && hooks[push.hook].field == FIELD_CODE,
            uint c = hooks[push.hook].row % 4u;
            raw[c] = hook_fire(push.hook, raw[c]) & WEIGHT_CODE_MASK;
            value = weight_value(raw))
#if WEIGHT_FORM != FORM_PLAIN
    value = vec4(weight_scale(meta, super_word, s)) * value;
#endif
#if WEIGHT_FORM == FORM_MIN
    value = value + vec4(weight_min(meta, super_word));
#endif
    if (push.scale != 0u)
        value = value * vec4(uintBitsToFloat(push.scale));
    uvec4 bits = round_quad(value, ACT);
    HOOK_ONE(hooks[push.hook].row / 4u == b * 8u + s,
             uint c = hooks[push.hook].row % 4u;
             bits[c] = hook_result(push.hook, value[c], ACT))
    return bits;
}

void write_quad(uint at, uvec4 bits, uint b, uint s)
{
    if (!HOOK_SINGLE && b * 8u + s < push.quads)
        results[at + s] = bits;
    HOOK_ONE(hooks[push.hook].row / 4u == b * 8u + s,
             uint c = hooks[push.hook].row % 4u;
             results[at + s][c] = bits[c])
}

void main()
{
    uint b = gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    uint token = columns[slot * COLUMN_WORDS + COLUMN_TOKEN];
    bool ours = token != COLUMN_NO_TOKEN && token >= push.row0 && token - push.row0 < push.rows &&
                b < push.blocks;
    if (!ours)
        return;
    if (HOOK_SKIP(hooks[push.hook].row / NM_BLOCK != b))
        return;
    uint row = token - push.row0, s = slot_of(b);
    uint tile = push.tile0 + row / TILE_ROWS * push.tile_size;
    uint lane = row % TILE_ROWS / 4u, r = row % 4u;
    uint meta = 0u, super_word = 0u, high[2];
    high[0] = high[1] = 0u;
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
    for (uint h = 0u; h < WEIGHT_HIGH; h++)
        high[h] = FETCH(weights, tile + weight_high_at(push.blocks) +
                                     (s * WEIGHT_HIGH + h) * TILE_LANES + lane)[r];
    EDIT_SCALES(meta, super_word)
    uint codes = tile + s * (WEIGHT_CODES * TILE_ROWS) + r * TILE_LANES + lane;
    uint at = push.dst + slot * push.dst_stride + b * 8u;
    for (uint step = 0u; step < 8u; step++) {
        uvec4 quad = FETCH(weights, codes + WEIGHT_QUAD(step) * TILE_ROWS);
        uvec4 raw = weight_raw(quad, high[WEIGHT_WORD(step)], step);
        write_quad(at, embed(raw, meta, super_word, b, step), b, step);
    }
}

/* SPDX-License-Identifier: MIT */
/* What an invocation of LINEAR reads: a block of its rows, and of x of all columns. */
#ifndef VKFI_LINEAR_BLOCK_GLSL
#define VKFI_LINEAR_BLOCK_GLSL

#include "shared/fetch.glsl"
#include "shared/weights.glsl"

#define ROWS 4u /* of an invocation in one tile */

/* A block of the invocation's rows in a tile. */
struct block {
    uvec4 code[WEIGHT_CODES * ROWS];
    uvec4 high[2];                 /* (words, rows) */
    uvec4 meta_words, super_words; /* (rows) */
};

/* Globals, because spirv-opt keeps a copy for each call that takes them as arguments. */
block rows[TILES];
vec4 x[COLS * 8u]; /* (columns, 8) */
float sum_x[COLS];

/* Codes of row r of the invocation's tile i, which starts at quad `tile`. */
void load_codes(uint tile, uint slot, const uint i, const uint r)
{
    uint codes = tile + slot * (WEIGHT_CODES * TILE_ROWS) + gl_LocalInvocationID.x;
    for (uint c = 0u; c < WEIGHT_CODES; c++)
        rows[i].code[c * ROWS + r] = FETCH(weights, codes + (c * ROWS + r) * TILE_LANES);
}

/* The texel form reads all of a block before it computes: such a read is a call on lavapipe, and no
 * register outlives a call. GPUs, which spill instead, read the codes of a row in its turn. */
void load_block(uint tile, uint b, uint slot, const uint i)
{
    uint lane = gl_LocalInvocationID.x;
#ifdef VKFI_TEXEL
    for (uint r = 0u; r < ROWS; r++)
        load_codes(tile, slot, i, r);
#endif
    rows[i].high[0] = rows[i].high[1] = rows[i].meta_words = rows[i].super_words = uvec4(0u);
    uint high = tile + weight_high_at(push.blocks) + slot * (WEIGHT_HIGH * TILE_LANES) + lane;
#if WEIGHT_HIGH > 0
    rows[i].high[0] = FETCH(weights, high);
#endif
#if WEIGHT_HIGH > 1
    rows[i].high[1] = FETCH(weights, high + TILE_LANES);
#endif
    uint meta = tile + weight_meta_at(push.blocks) + lane;
#ifdef WEIGHT_META_HALF
    uvec4 pair = FETCH(weights, meta + slot / 2u * TILE_LANES);
    rows[i].meta_words = (slot & 1u) == 0u ? pair & 0xffffu : pair >> 16;
#elif WEIGHT_FORM != FORM_PLAIN
    rows[i].meta_words = FETCH(weights, meta + slot * TILE_LANES);
#endif
#ifdef WEIGHT_SUPER
    rows[i].super_words =
        FETCH(weights, tile + weight_super_at(push.blocks) + b / 8u * TILE_LANES + lane);
#endif
}

/* Block b of all columns. */
void load_x(uint b, uint source)
{
    for (uint c = 0u; c < COLS; c++) {
        for (uint s = 0u; s < 8u; s++)
            x[c * 8u + s] = FETCH_FLOATS(inputs, source + c * push.src_stride + b * 8u + s);
    }
}

#endif

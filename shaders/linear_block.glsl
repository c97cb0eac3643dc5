/* SPDX-License-Identifier: MIT */
/* What an invocation of LINEAR reads of a block: of its rows, and of x of all columns. */
#ifndef VKFI_LINEAR_BLOCK_GLSL
#define VKFI_LINEAR_BLOCK_GLSL

#include "shared/each.glsl"
#include "shared/fetch.glsl"
#include "shared/weights.glsl"

#define ROWS 4u                                         /* of an invocation in one tile */
#define SUM_OF(i, c, r) (((i)*COLS + (c)) * ROWS + (r)) /* sum of row r of tile i, column c */
#if TILES == 1
#define EACH_TILE(work) EACH_OF_1(i, work)
#else
#define EACH_TILE(work) EACH_OF_2(i, work)
#endif
#define EACH_ROW(work) EACH_OF_4(r, work)
#if COLS == 1
#define EACH_COLUMN(work) EACH_OF_1(c, work)
#elif COLS == 2
#define EACH_COLUMN(work) EACH_OF_2(c, work)
#else
#define EACH_COLUMN(work) EACH_OF_4(c, work)
#endif

/* Scales of a block, by row. */
struct block_scales {
    uvec4 meta_words, super_words;
};

/* Word `word` of the codes' other bits, by row. */
uvec4 read_high(uint tile, uint slot, uint word)
{
#if WEIGHT_HIGH > 0
    uint at = tile + weight_high_at(push.blocks) + slot * (WEIGHT_HIGH * TILE_LANES);
    return FETCH(weights, at + gl_LocalInvocationID.x + word * TILE_LANES);
#else
    return uvec4(0u);
#endif
}

/* Quad `quad` of the codes of row r, in the block at `slot` of a tile; of types without quads, the
 * third word of their other bits. */
uvec4 read_codes(uint tile, uint slot, uint quad, uint r)
{
#if !defined(WEIGHT_NO_QUADS)
    uint at = tile + slot * (WEIGHT_CODES * TILE_ROWS) + gl_LocalInvocationID.x;
    return FETCH(weights, at + (quad * TILE_ROWS + r * TILE_LANES));
#elif WEIGHT_HIGH > 2
    return uvec4(read_high(tile, slot, 2u)[r]);
#else
    return uvec4(0u);
#endif
}

block_scales read_scales(uint tile, uint b, uint slot)
{
    block_scales read = block_scales(uvec4(0u), uvec4(0u));
    uint meta = tile + weight_meta_at(push.blocks) + gl_LocalInvocationID.x;
#ifdef WEIGHT_META_HALF
    uvec4 pair = FETCH(weights, meta + slot / 2u * TILE_LANES);
    read.meta_words = (slot & 1u) == 0u ? pair & 0xffffu : pair >> 16;
#elif WEIGHT_FORM != FORM_PLAIN
    read.meta_words = FETCH(weights, meta + slot * TILE_LANES);
#endif
#ifdef WEIGHT_SUPER
    uint super_at = weight_super_at(push.blocks) + b / 8u * TILE_LANES;
    read.super_words = FETCH(weights, tile + super_at + gl_LocalInvocationID.x);
#endif
    return read;
}

/* First quad of column c. */
#ifndef LINEAR_SOURCE
#define LINEAR_SOURCE(source, c) (source + c * push.src_stride)
#endif

/* Elements 4 s .. 4 s + 3 of a block of column c. */
vec4 read_x(uint b, uint source, uint c, uint s)
{
    return FETCH_FLOATS(inputs, LINEAR_SOURCE(source, c) + b * 8u + s);
}

#endif

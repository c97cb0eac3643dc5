/* SPDX-License-Identifier: MIT */
/* The hot body of LINEAR: one block of the invocation's rows and columns. */
#ifndef VKFI_LINEAR_ROWS_GLSL
#define VKFI_LINEAR_ROWS_GLSL

#include "linear_block.glsl"

/* Sums of x that an invocation holds of a column: one each half, where it reads x first. */
#if defined(VKFI_TEXEL) && WEIGHT_FORM == FORM_HALF_MIN
#define LOWS 2u
#else
#define LOWS 1u
#endif

/* Globals, because spirv-opt keeps a copy for each call that takes them as arguments. */
vec4 chain[COLS * ROWS];  /* (columns, rows) */
float sum_x[COLS * LOWS]; /* types with a minimum only */
vec4 term[COLS];          /* (rows): t of the block */

/* A product joins the chains of row r. */
void add_product(const uint c, const uint r, vec4 product, const bool first)
{
    chain[c * ROWS + r] = first ? product : chain[c * ROWS + r] + product;
}

/* t of row r after the chains' last step s, or after that of each half. */
void close_row(const uint r, block_scales scales, uint s)
{
    weight_factors f = weight_factors_of(scales.meta_words[r], scales.super_words[r], s);
    EACH_COLUMN(term[c][r] = weight_term(f, term[c][r], sum_chains(chain[c * ROWS + r]),
                                         sum_x[c * LOWS + s / 4u * (LOWS - 1u)]));
}

/* Adds t of the block to the partials of row r of tile i. */
void add_term(const uint i, const uint r)
{
    EACH_COLUMN(total[SUM_OF(i, c, r)].run = total[SUM_OF(i, c, r)].run + term[c][r]);
}

#ifdef VKFI_TEXEL

/* lavapipe: a read is a call there, and no register outlives a call, so all of a block is read
 * before it is computed. Rows in turn, steps written out: in a loop it loses most of its speed. */
vec4 x[COLS * 8u]; /* (columns, steps) */

struct block {
    uvec4 code[WEIGHT_QUADS * ROWS]; /* (quads, rows) */
    uvec4 high[2];
    block_scales scales;
} blocks[TILES];

void load_x(uint b, uint source, const uint c)
{
    for (uint s = 0u; s < 8u; s++)
        x[c * 8u + s] = read_x(b, source, c, s);
    for (uint i = 0u; i < LOWS; i++) {
        uint first = c * 8u + i * (8u / LOWS);
        vec4 low = x[first];
        for (uint s = 1u; s < 8u / LOWS && WEIGHT_HAS_MIN; s++)
            low = low + x[first + s];
        sum_x[c * LOWS + i] = sum_chains(low);
    }
}

void add_step(const uint i, const uint r, const uint s)
{
    bool first = s == 0u || (WEIGHT_HALVES && s == 4u);
    uvec4 quad = blocks[i].code[WEIGHT_QUAD(s) * ROWS + r];
    vec4 weight = weight_value(weight_raw(quad, blocks[i].high[WEIGHT_WORD(s)][r], s));
    EACH_COLUMN(add_product(c, r, weight * x[c * 8u + s], first));
}

void add_half(const uint i, const uint r, const uint s)
{
    add_step(i, r, s);
    add_step(i, r, s + 1u);
    add_step(i, r, s + 2u);
    add_step(i, r, s + 3u);
    if (s == 4u || WEIGHT_HALVES)
        close_row(r, blocks[i].scales, s);
}

/* Terms are added at their row's end: kept up to the tile's they take a tenth of the speed. */
void add_tile(const uint i)
{
    EACH_COLUMN(term[c] = vec4(NM_NEG_ZERO));
    EACH_ROW(add_half(i, r, 0u); add_half(i, r, 4u); add_term(i, r));
}

/* Adds t of block b to all partials. */
void add_block(uint tile[TILES], uint b, uint slot, uint source)
{
    for (uint i = 0u; i < uint(TILES); i++) {
        for (uint n = 0u; n < WEIGHT_QUADS; n++) {
            EACH_ROW(blocks[i].code[n * ROWS + r] = read_codes(tile[i], slot, n, r));
        }
        blocks[i].high[0] = read_high(tile[i], slot, 0u);
        if (WEIGHT_HIGH > 1)
            blocks[i].high[1] = read_high(tile[i], slot, 1u);
        blocks[i].scales = read_scales(tile[i], b, slot);
    }
    EACH_COLUMN(load_x(b, source, c));
    EACH_TILE(add_tile(i));
}

#else

void open_row(const uint r)
{
    EACH_COLUMN(chain[c * ROWS + r] = vec4(NM_NEG_ZERO));
}

/* n; with several columns, or where registers are few, as a number that no compiler knows, so that
 * none unrolls the loop: unrolled, x of all its steps takes the registers of Intel GPUs, and the
 * chains go to memory. */
uint count(const uint n)
{
    return (COLS > 1 || REREAD != 0u) && n > 1u && push.tiles == 0u ? 0u : n;
}

/* Others: steps in turn, each of all rows, in loops that index no array: whether a compiler unrolls
 * them or not, all is in registers, and SwiftShader compiles them in time. The steps of a run read
 * the same codes, once or, where registers are few, each of them. */
void add_block(uint tile[1], uint b, uint slot, uint source)
{
    uint runs = count(8u / WEIGHT_RUN), steps = count(WEIGHT_RUN);
    vec4 low[COLS]; /* sums of x, as chains */
    EACH_COLUMN(term[c] = low[c] = vec4(NM_NEG_ZERO));
    EACH_ROW(open_row(r));
    for (uint run = 0u; run < runs; run++) {
        uint s0 = run * WEIGHT_RUN;
        uvec4 code[ROWS], high = read_high(tile[0], slot, WEIGHT_WORD(s0));
        EACH_ROW(if (REREAD == 0u) code[r] = read_codes(tile[0], slot, WEIGHT_QUAD(s0), r));
        for (uint j = 0u; j < steps; j++) {
            vec4 x[COLS];
            EACH_COLUMN(x[c] = read_x(b, source, c, s0 + j));
            if (WEIGHT_HAS_MIN) {
                EACH_COLUMN(low[c] = low[c] + x[c]);
            }
            EACH_ROW(if (REREAD != 0u) code[r] = read_codes(tile[0], slot, WEIGHT_QUAD(s0), r);
                     vec4 weight = weight_value(weight_raw(code[r], high[r], s0 + j));
                     EACH_COLUMN(add_product(c, r, weight * x[c], false)));
        }
        if (WEIGHT_HALVES) {
            block_scales scales = read_scales(tile[0], b, slot);
            EACH_COLUMN(sum_x[c] = sum_chains(low[c]); low[c] = vec4(NM_NEG_ZERO));
            EACH_ROW(close_row(r, scales, s0); open_row(r));
        }
    }
    if (!WEIGHT_HALVES) {
        EACH_COLUMN(sum_x[c] = sum_chains(low[c]));
        block_scales scales = read_scales(tile[0], b, slot);
        EACH_ROW(close_row(r, scales, 0u));
    }
    EACH_ROW(add_term(0u, r));
}

#endif

#endif

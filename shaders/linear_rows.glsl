/* SPDX-License-Identifier: MIT */
/* The hot body of LINEAR: one block of the invocation's rows and columns. */
#ifndef VKFI_LINEAR_ROWS_GLSL
#define VKFI_LINEAR_ROWS_GLSL

#include "linear_block.glsl"

vec4 chain[COLS];

/* Adds elements 4 s .. 4 s + 3 of row r to the chains of each column. */
void add_step(const uint i, const uint r, const uint s)
{
    bool first = s == 0u || (WEIGHT_FORM == FORM_HALF && s == 4u);
    uvec4 raw =
        weight_raw(rows[i].code[WEIGHT_QUAD(s) * ROWS + r], rows[i].high[WEIGHT_WORD(s)][r], s);
    vec4 weight = weight_value(raw);
    for (uint c = 0u; c < COLS; c++) {
        vec4 product = weight * x[c * 8u + s];
        chain[c] = first ? product : chain[c] + product;
    }
}

/* Written out for lavapipe, which loses most of its speed in a loop here. GPUs unroll the loop
 * themselves, and SwiftShader would compile for minutes without it. */
void add_steps(const uint i, const uint r, const uint s)
{
#ifdef VKFI_TEXEL
    add_step(i, r, s);
    add_step(i, r, s + 1u);
    add_step(i, r, s + 2u);
    add_step(i, r, s + 3u);
#else
    for (uint j = s; j < s + 4u; j++)
        add_step(i, r, j);
#endif
}

/* Adds t of the block to the partials of row r of tile i. */
void add_row(const uint i, const uint r)
{
    weight_factors f = weight_factors_of(rows[i].meta_words[r], rows[i].super_words[r]);
    float first_half[COLS];

    add_steps(i, r, 0u);
    for (uint c = 0u; c < COLS && WEIGHT_FORM == FORM_HALF; c++)
        first_half[c] = sum_chains(chain[c]);
    add_steps(i, r, 4u);
    for (uint c = 0u; c < COLS; c++) {
        uint n = (i * COLS + c) * ROWS + r;
        float t = weight_term(f, first_half[c], sum_chains(chain[c]), sum_x[c]);
        total[n].run = total[n].run + t;
    }
}

/* Rows are written out, or not, as steps are. */
void add_tile(uint tile, uint slot, const uint i)
{
#ifdef VKFI_TEXEL
    add_row(i, 0u);
    add_row(i, 1u);
    add_row(i, 2u);
    add_row(i, 3u);
#else
    for (uint r = 0u; r < ROWS; r++) {
        load_codes(tile, slot, i, r);
        add_row(i, r);
    }
#endif
}

/* Adds t of block b to all partials. */
void add_block(uint tile[TILES], uint b, uint slot, uint source)
{
    for (uint i = 0u; i < uint(TILES); i++)
        load_block(tile[i], b, slot, i);
    load_x(b, source);
    for (uint c = 0u; c < COLS && WEIGHT_FORM == FORM_MIN; c++) {
        vec4 low = x[c * 8u];
        for (uint s = 1u; s < 8u; s++)
            low = low + x[c * 8u + s];
        sum_x[c] = sum_chains(low);
    }
    add_tile(tile[0], slot, 0u);
#if TILES > 1
    add_tile(tile[1], slot, 1u);
#endif
}

#endif

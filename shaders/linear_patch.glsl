/* SPDX-License-Identifier: MIT */
/* LINEAR with faults: one column, in loops, because a patch is compiled often and computes few
 * outputs. */
#ifndef VKFI_LINEAR_PATCH_GLSL
#define VKFI_LINEAR_PATCH_GLSL

#include "linear_block.glsl"
#include "shared/hook_weights.glsl"

/* A block of x as output `row` reads it. */
vec4[8] patch_x(uint b, uint row)
{
    vec4 read[8];
    for (uint s = 0u; s < 8u; s++)
        read[s] = x[s];
    if (!HOOK_AT(HOOK_OPERAND) || !hook_near(b))
        return read;
    hook_reader = row;
    for (uint s = 0u; s < 8u; s++)
        read[s] = hook_quad(HOOK_OPERAND, uvec3(HOOK_NONE, b * NM_BLOCK + 4u * s, HOOK_NONE),
                            uvec3(0u, 1u, 0u), read[s], true);
    hook_reader = HOOK_NONE;
    return read;
}

/* The chains after elements k .. k + 3 of a row, which are their `first` or not. */
vec4 patch_step(vec4 sum, uvec4 raw, vec4 x, uvec3 at, bool first)
{
    bool near = hook_near(at.y / NM_BLOCK);
    if (HOOK_AT(HOOK_WEIGHT) && near)
        raw = hook_codes(at, uvec3(0u, 1u, 0u), raw);
    vec4 product = weight_value(raw) * x;
    sum = first ? product : sum + product;
    if (HOOK_AT(HOOK_PARTIAL) && near)
        sum = hook_quad(HOOK_PARTIAL, at, uvec3(0u, 1u, 0u), sum, true);
    return sum;
}

/* t of block b of row r, output `row`. */
float patch_row(uint b, uint row, uint r)
{
    hook_block fields = hook_block(rows[0].meta_words[r], rows[0].super_words[r]);
    vec4 read[8] = patch_x(b, row);
    if (HOOK_AT(HOOK_WEIGHT))
        fields = hook_block_scales(row, b, fields);
    weight_factors f = weight_factors_of(fields.meta, fields.super_word);
    vec4 sum = vec4(NM_NEG_ZERO), low = read[0];
    float first_half = NM_NEG_ZERO;
    for (uint s = 0u; s < 8u; s++) {
        uvec4 raw =
            weight_raw(rows[0].code[WEIGHT_QUAD(s) * ROWS + r], rows[0].high[WEIGHT_WORD(s)][r], s);
        sum = patch_step(sum, raw, read[s], uvec3(row, b * NM_BLOCK + 4u * s, HOOK_NONE),
                         s == 0u || (WEIGHT_FORM == FORM_HALF && s == 4u));
        low = s == 0u ? low : low + read[s];
        if (s == 3u)
            first_half = sum_chains(sum);
    }
    return weight_term(f, first_half, sum_chains(sum), sum_chains(low));
}

/* Adds t of block b to the partials of outputs `row0` .. `row0` + 3. */
void patch_block(uint tile, uint b, uint slot, uint source, uint row0)
{
    load_block(tile, b, slot, 0u);
    load_x(b, source);
    for (uint r = 0u; r < ROWS; r++) {
#ifndef VKFI_TEXEL
        load_codes(tile, slot, 0u, r);
#endif
        total[r].run = total[r].run + patch_row(b, row0 + r, r);
        if (HOOK_AT(HOOK_ACCUMULATOR))
            total[r].run = hook_sum(uvec3(row0 + r, b, HOOK_NONE), total[r].run);
    }
}

#endif

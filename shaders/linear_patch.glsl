/* SPDX-License-Identifier: MIT */
/* LINEAR with faults: one column, in loops, because a patch is compiled often and computes few
 * outputs. */
#ifndef VKFI_LINEAR_PATCH_GLSL
#define VKFI_LINEAR_PATCH_GLSL

#include "linear_block.glsl"
#include "shared/hook_weights.glsl"

/* Elements 4 s .. 4 s + 3 of a block of x as output `row` reads them. */
vec4 patch_x(uint b, uint source, uint row, uint s)
{
    vec4 read = read_x(b, source, 0u, s);
    if (!HOOK_AT(HOOK_OPERAND) || !hook_near(b))
        return read;
#ifdef PATCH_GROUP /* rows of which a group share one copy, which its first names */
    uint first = row - row % PATCH_GROUP;
    return hook_quad(HOOK_OPERAND, uvec3(first, b * NM_BLOCK + 4u * s, HOOK_NONE),
                     uvec3(0u, 1u, 0u), read, row == first);
#endif
    hook_reader = row;
    read = hook_quad(HOOK_OPERAND, uvec3(HOOK_NONE, b * NM_BLOCK + 4u * s, HOOK_NONE),
                     uvec3(0u, 1u, 0u), read, true);
    hook_reader = HOOK_NONE;
    return read;
}

/* The chains after elements k .. k + 3 of a row. */
vec4 patch_step(vec4 sum, uvec4 raw, vec4 x, uvec3 at)
{
    bool near = hook_near(at.y / NM_BLOCK);
    if (HOOK_AT(HOOK_WEIGHT) && near)
        raw = hook_codes(at, uvec3(0u, 1u, 0u), raw);
    sum = sum + weight_value(raw) * x;
    if (HOOK_AT(HOOK_PARTIAL) && near)
        sum = hook_quad(HOOK_PARTIAL, at, uvec3(0u, 1u, 0u), sum, true);
    return sum;
}

/* Where block b of the patch lies, and which output row r is. */
struct patch_place {
    uint tile, b, slot, source, row;
};

/* t of the block of row r. Its scales are read last, and x before the codes: patches of several
 * points need all registers of Intel's SIMD8. */
float patch_row(patch_place at, uint r)
{
    vec4 sum = vec4(NM_NEG_ZERO), low = vec4(NM_NEG_ZERO);
    float half_sum = NM_NEG_ZERO, half_low = NM_NEG_ZERO;
    for (uint s = 0u; s < 8u; s++) {
        vec4 x = patch_x(at.b, at.source, at.row, s);
        low = low + x;
        uvec4 quad = read_codes(at.tile, at.slot, WEIGHT_QUAD(s), r);
        uint high = read_high(at.tile, at.slot, WEIGHT_WORD(s))[r];
        sum = patch_step(sum, weight_raw(quad, high, s), x,
                         uvec3(at.row, at.b * NM_BLOCK + 4u * s, HOOK_NONE));
        if (WEIGHT_HALVES && s == 3u) {
            half_sum = sum_chains(sum);
            half_low = sum_chains(low);
            sum = low = vec4(NM_NEG_ZERO);
        }
    }
    block_scales scales = read_scales(at.tile, at.b, at.slot);
    hook_block fields = hook_block(scales.meta_words[r], scales.super_words[r]);
    if (HOOK_AT(HOOK_WEIGHT))
        fields = hook_block_scales(at.row, at.b, fields);
    float t = NM_NEG_ZERO;
    if (WEIGHT_HALVES)
        t = weight_term(weight_factors_of(fields.meta, fields.super_word, 0u), t, half_sum,
                        half_low);
    weight_factors f = weight_factors_of(fields.meta, fields.super_word, 7u);
    return weight_term(f, t, sum_chains(sum), sum_chains(low));
}

/* Adds t of block b to the partials of outputs `row0` .. `row0` + 3. */
void patch_block(uint tile, uint b, uint slot, uint source, uint row0)
{
    vec4 run;
    EACH_ROW(run[r] = total[r].run);
    for (uint r = 0u; r < ROWS; r++) {
        run[r] = run[r] + patch_row(patch_place(tile, b, slot, source, row0 + r), r);
        if (HOOK_AT(HOOK_ACCUMULATOR))
            run[r] = hook_sum(uvec3(row0 + r, b, HOOK_NONE), run[r]);
    }
    EACH_ROW(total[r].run = run[r]);
}

#endif

#version 460
/* SPDX-License-Identifier: MIT */
/* LINEAR: rows of a weight matrix times COLS columns; four rows of TILES tiles per invocation. */
#include "shared/fetch.glsl"
#include "shared/weights.glsl"

#if COLS > 1 && !defined(VKFI_HOOK_FREE)
#define VKFI_HOOK_FREE /* patches take the form for one column */
#endif

/* Tiles of an invocation: x is read once for all of them. */
#ifndef TILES
#define TILES 1
#endif

layout(local_size_x = TILE_LANES, local_size_y_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(constant_id = SPEC_KEEP) const uint KEEP = 0u;
#ifndef VKFI_TEXEL
layout(constant_id = SPEC_REREAD) const uint REREAD = 0u;
#endif
layout(constant_id = SPEC_CAP) const uint CAP = 0u;
layout(push_constant) uniform push_block
{
    push_linear push;
};
/* coherent: what other workgroups wrote is read at the end (linear_next.glsl) */
layout(std430, binding = 0) coherent buffer results_buffer
{
    uvec4 results[];
};
FETCH_BUFFER(1, inputs); /* of one register, which the results are not */
FETCH_BUFFER(2, weights);

#define SUM_COUNT (TILES * COLS * 4) /* (tiles, columns, rows) */
#include "shared/hook.glsl"
#include "shared/sum.glsl"
#include "linear_patch.glsl"
#include "linear_rows.glsl"

#include "linear_next.glsl"

/* Those of four rows that the matrix has. */
void store_rows(uint at, uint row0, uvec4 bits)
{
    if (row0 + ROWS <= push.rows) {
        results[at] = bits;
        return;
    }
    EACH_ROW(if (row0 + r < push.rows) results[at][r] = bits[r]);
}

/* Four rows of a column. */
void write_rows(uint c, uint row0, vec4 y)
{
    uint slot = push.slot0 + gl_WorkGroupID.y * COLS + c;
    if (CAP != 0u) {
        float limit = uintBitsToFloat(push.cap), r = uintBitsToFloat(push.reciprocal);
        y = vec4(nm_cap(y.x, limit, r), nm_cap(y.y, limit, r), nm_cap(y.z, limit, r),
                 nm_cap(y.w, limit, r));
    }
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(row0, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    if (KEEP != 0u)
        store_rows(push.keep + slot * push.keep_stride + row0 / 4u, row0, bits);
    if (push.residual_stride != 0u) {
        uint from = push.residual + slot * push.residual_stride + row0 / 4u;
        bits = round_quad(uintBitsToFloat(results[from]) + uintBitsToFloat(bits), ACT);
    }
    store_rows(push.dst + slot * push.dst_stride + row0 / 4u, row0, bits);
}

/* The same of all columns of tile i. */
void write_tile(uint tile, uint row0, const uint i)
{
    vec4 bias = vec4(NM_NEG_ZERO);
    if (push.bias != 0u)
        bias = FETCH_FLOATS(weights, tile + push.bias + gl_LocalInvocationID.x);
    EACH_COLUMN(vec4 y; EACH_ROW(y[r] = total[SUM_OF(i, c, r)].run); write_rows(c, row0, y + bias));
}

void main()
{
    uint visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint visit0 = gl_LocalInvocationID.y * visits;
    uint first = gl_WorkGroupID.x * uint(TILES), tile[TILES];
    uint row0 = push.row0 + first * TILE_ROWS + gl_LocalInvocationID.x * ROWS;
    uint source = (push.slot0 + gl_WorkGroupID.y * COLS) * push.src_stride;
    uint slot = 0u;

    /* missing tiles: the last one again */
    EACH_TILE(tile[i] = push.tile0 + min(first + i, push.tiles - 1u) * push.tile_size);
    /* blocks of the partials visited before this invocation's */
    for (uint i = 0u; i < visit0; i++)
        slot += (push.blocks + NM_PARTIALS - 1u - order_partial(i)) / NM_PARTIALS;
    for (uint i = 0u; i < visits; i++) {
        sum_open();
        for (uint b = order_partial(visit0 + i); b < push.blocks; b += NM_PARTIALS) {
            if (HOOK_ANY)
                patch_block(tile[0], b, slot, source, row0);
            else
                add_block(tile, b, slot, source);
            slot++;
        }
        sum_close(i, visits);
    }
    if (gl_WorkGroupSize.y > 1u) {
        uvec2 step = uvec2(TILE_LANES, SUM_COUNT * TILE_LANES);
        uint run = gl_LocalInvocationID.y, at = run * step.y + gl_LocalInvocationID.x;
        sum_join(run, gl_WorkGroupSize.y, at, step);
    }
    if (gl_LocalInvocationID.y == 0u) {
        EACH_TILE(if (i == 0u || first + i < push.tiles)
                      write_tile(tile[i], row0 + i * TILE_ROWS, i));
    }
    if (NEXT != NEXT_NONE)
        do_next(first);
}

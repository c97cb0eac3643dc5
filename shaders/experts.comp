#version 460
/* SPDX-License-Identifier: MIT */
/* EXPERTS: LINEAR by the matrix that each group of a column's rows has chosen. With COLS 1 the grid
 * has the columns; with more it has the experts, each of which takes the groups that chose it, COLS
 * at a time, so that these share its rows. */
#include "shared/fetch.glsl"
#include "shared/weights.glsl"

#if COLS > 1 && !defined(VKFI_HOOK_FREE)
#define VKFI_HOOK_FREE /* patches take the form for one column */
#endif
#define TILES 1

layout(local_size_x = TILE_LANES, local_size_y_id = SPEC_LANES_Y) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
#ifndef VKFI_TEXEL
layout(constant_id = SPEC_REREAD) const uint REREAD = 0u;
#endif
layout(push_constant) uniform push_block
{
    push_experts push;
};
QUAD_BUFFER(0, results); /* and the choices */
FETCH_BUFFER(1, inputs); /* of one register, which these are not */
FETCH_BUFFER(2, weights);

uint sources[COLS], places[COLS]; /* first quads of inputs and outputs */

#define LINEAR_SOURCE(source, c) sources[c]
#define PATCH_GROUP (push.group_tiles * TILE_ROWS)
#define SUM_COUNT (COLS * 4) /* (columns, rows) */
#include "shared/hook.glsl"
#include "shared/sum.glsl"
#include "linear_patch.glsl"
#include "linear_rows.glsl"

/* Of group j of a column. */
uint chosen(uint slot, uint j)
{
    return results[push.chosen + slot * push.chosen_stride + j / 4u][j % 4u];
}

/* Makes group j of a column the c-th. */
void hold(const uint c, uint slot, uint j)
{
    sources[c] = slot * push.src_stride + j * push.in_quads;
    places[c] = push.dst + slot * push.dst_stride + j * push.group_tiles * (TILE_ROWS / 4u);
}

/* Four rows of a group: `row0` counts from its first, `first` from the column's. */
void write_rows(uint c, uint row0, uint first, vec4 y)
{
    uvec4 bits = round_quad(y, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(first, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), y, ACT);
    results[places[c] + row0 / 4u] = bits;
}

/* A tile of an expert's rows, for the groups that are held: the first n of them. */
void add_tile(uint expert, uint within, uint group, uint n)
{
    uint visits = NM_PARTIALS / gl_WorkGroupSize.y;
    uint visit0 = gl_LocalInvocationID.y * visits;
    uint row0 = within * TILE_ROWS + gl_LocalInvocationID.x * ROWS;
    uint first = group * PATCH_GROUP + row0, slot = 0u, tile[TILES];

    tile[0] = push.tile0 + (expert * push.group_tiles + within - push.first) * push.tile_size;
    for (uint i = 0u; i < visit0; i++)
        slot += (push.blocks + NM_PARTIALS - 1u - order_partial(i)) / NM_PARTIALS;
    for (uint i = 0u; i < visits; i++) {
        sum_open();
        for (uint b = order_partial(visit0 + i); b < push.blocks; b += NM_PARTIALS) {
            if (HOOK_ANY)
                patch_block(tile[0], b, slot, 0u, first);
            else
                add_block(tile, b, slot, 0u);
            slot++;
        }
        sum_close(i, visits);
    }
    if (gl_WorkGroupSize.y > 1u) {
        uvec2 step = uvec2(TILE_LANES, SUM_COUNT * TILE_LANES);
        uint run = gl_LocalInvocationID.y, at = run * step.y + gl_LocalInvocationID.x;
        sum_join(run, gl_WorkGroupSize.y, at, step);
    }
    if (gl_LocalInvocationID.y != 0u)
        return;
    EACH_COLUMN(vec4 y; EACH_ROW(y[r] = total[SUM_OF(0u, c, r)].run);
                if (c < n) write_rows(c, row0, first, y));
}

/* Whether this buffer has the tile. */
bool has(uint expert, uint within)
{
    return expert * push.group_tiles + within - push.first < push.tiles;
}

void main()
{
    uint x = push.x0 + gl_WorkGroupID.x, slot = push.slot0 + gl_WorkGroupID.y;
#if COLS == 1
    uint group = x / push.group_tiles, within = x % push.group_tiles;
    uint expert = chosen(slot, group);
    if (!has(expert, within))
        return;
    hold(0u, slot, group);
    add_tile(expert, within, group, 1u);
#else
    uint expert = gl_WorkGroupID.y, found = 0u;
    if (!has(expert, x))
        return;
    for (uint pair = 0u; pair < push.pairs; pair++) {
        uint at = push.slot0 + pair / push.groups, j = pair % push.groups;
        if (chosen(at, j) == expert) {
            EACH_COLUMN(if (c >= found) hold(c, at, j)); /* and absent ones */
            found++;
        }
        if (found == uint(COLS) || (found > 0u && pair + 1u == push.pairs)) {
            add_tile(expert, x, 0u, found);
            found = 0u;
        }
    }
#endif
}

/* SPDX-License-Identifier: MIT */
/* What follows a LINEAR in its dispatch: of the workgroups whose rows it needs, the last one to end
 * does it. No workgroup waits for another. */
#ifndef VKFI_LINEAR_NEXT_GLSL
#define VKFI_LINEAR_NEXT_GLSL

#include "activation.glsl"
#include "linear_block.glsl"
#include "shared/sum_partials.glsl"

layout(constant_id = SPEC_NEXT) const uint NEXT = NEXT_NONE;

#define LANES (gl_WorkGroupSize.x * gl_WorkGroupSize.y)

shared uint is_last;

/* Counts this workgroup; the last of n starts the counter anew, and sees the rows of all. */
bool ends(uint counter, uint n)
{
    memoryBarrierBuffer();
    barrier();
    if (gl_LocalInvocationIndex == 0u) {
        is_last = atomicAdd(results[counter].x, 1u) + 1u == n ? 1u : 0u;
        if (is_last != 0u)
            results[counter].x = 0u;
    }
    barrier();
    memoryBarrierBuffer();
    return is_last != 0u;
}

/* Block b of the squares of a row. */
float sum_squares(uint row, uint b)
{
    vec4 chain = vec4(NM_NEG_ZERO);
    uint end = min(b * 8u + 8u, push.rows / 4u);
    for (uint i = b * 8u; i < end; i++) {
        vec4 x = uintBitsToFloat(results[row + i]);
        chain = chain + x * x;
    }
    return sum_chains(chain);
}

/* NORM of a row (norm.comp), which may lie where its result goes. */
void norm_row(uint row, uint to)
{
    uint quads = push.rows / 4u, blocks = (push.rows + NM_BLOCK - 1u) / NM_BLOCK;
    for (uint p = gl_LocalInvocationIndex; p < NM_PARTIALS; p += LANES) {
        float run = NM_NEG_ZERO;
        for (uint b = p; b < blocks; b += NM_PARTIALS)
            run = run + sum_squares(row, b);
        sum_partials[p] = run;
    }
    barrier();
    float r = nm_rsqrt(sum_of_partials() * push.inv_width + push.eps);
    for (uint i = gl_LocalInvocationIndex; i < quads; i += LANES) {
        vec4 x = uintBitsToFloat(results[row + i]);
        vec4 gain = FETCH_FLOATS(weights, push.gain + i);
        results[to + i] = round_quad((x * vec4(r)) * gain, ACT);
    }
    barrier(); /* all have read the partials */
}

/* GATE (gate.comp) of the rows of tile `tile` of the gate, for the columns from `slot` on. */
void gate_tile(uint tile, uint slot)
{
    for (uint i = gl_LocalInvocationIndex; i < COLS * TILE_LANES; i += LANES) {
        uint column = slot + i / TILE_LANES, quad = tile * TILE_LANES + i % TILE_LANES;
        uint at = push.dst + column * push.dst_stride + quad;
        vec4 g = uintBitsToFloat(results[at]);
        vec4 u = uintBitsToFloat(results[at + push.up]);
        vec4 y = activations(push.fn, g) * u;
        results[push.next + column * push.next_stride + quad] = round_quad(y, ACT);
    }
}

/* After the workgroup's rows, tiles [first, first + TILES) of as many columns as it has. */
void do_next(uint first)
{
    uint slot = push.slot0 + gl_WorkGroupID.y * COLS;
    if (NEXT == NEXT_NORM && ends(push.counters + slot, gl_NumWorkGroups.x)) {
        for (uint c = 0u; c < COLS; c++)
            norm_row(push.dst + (slot + c) * push.dst_stride,
                     push.next + (slot + c) * push.next_stride);
    }
    if (NEXT == NEXT_GATE) {
        uint tiles = push.up / TILE_LANES; /* of the gate; as many follow */
        for (uint tile = first; tile < min(first + uint(TILES), 2u * tiles); tile++) {
            if (ends(push.counters + slot * tiles + tile % tiles, 2u))
                gate_tile(tile % tiles, slot);
        }
    }
}

#endif

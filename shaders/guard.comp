#version 460
/* SPDX-License-Identifier: MIT */
/* Guards: checks of output rows, in integers; all guards of a node and kind in one dispatch. */
#include "shared/fetch.glsl"
#include "shared/range.h"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(push_constant) uniform push_block
{
    push_guard push;
};
WORD_BUFFER(0, verdicts); /* (guards, 4): count, lowest index */
QUAD_BUFFER(1, results);  /* the rows that `inputs` reads */
layout(std430, binding = 2) readonly buffer checks_buffer
{
    range_check checks[];
};
FETCH_BUFFER(3, inputs);

/* A quad whose first element is `at` of its line, of index `base` + at. found: count, lowest. */
uvec4 check_quad(range_check c, uvec4 quad, uint at, uint base, inout uvec2 found)
{
    for (uint i = 0u; i < 4u; i++) {
        bool there = at + i >= c.first && at + i <= c.last;
        if (!there || !range_outside(c, quad[i]))
            continue;
        found.y = found.x == 0u ? base + at + i : found.y;
        found.x++;
        quad[i] = range_repair(c, quad[i]);
    }
    return quad;
}

/* The same for words that differ from those of the second evaluation. */
void compare_quad(range_check c, uvec4 quad, uvec4 other, uvec2 place, inout uvec2 found)
{
    for (uint i = 0u; i < 4u; i++) {
        uint at = place.x + i;
        if (at < c.first || at > c.last || nm_canon(quad[i]) == nm_canon(other[i]))
            continue;
        found.y = found.x == 0u ? place.y + at : found.y;
        found.x++;
    }
}

void main()
{
    uint index = push.guard0 + gl_WorkGroupID.y;
    range_check c = checks[index];
    if (c.slot - push.slot0 >= push.slots)
        return;
    uint quad0 = c.first / 4u, quads = c.last / 4u - quad0 + 1u;
    uint row = push.src + c.slot * push.src_stride;
    uvec2 found = uvec2(0u);
    for (uint i = gl_GlobalInvocationID.x; i < push.lines * quads; i += push.lanes) {
        uint line = i / quads, q = quad0 + i % quads;
        uint place = row + line * push.line_quads + q, before = found.x;
        uvec4 quad = FETCH(inputs, place);
        if (c.twin != 0u) {
            compare_quad(c, quad, FETCH(inputs, place + c.twin),
                         uvec2(q * 4u, line * (c.last + 1u)), found);
            continue;
        }
        quad = check_quad(c, quad, q * 4u, line * (c.last + 1u), found);
        if (found.x != before && c.writes != 0u)
            results[place] = quad;
    }
    if (found.x > 0u) {
        atomicAdd(verdicts[index * 4u], found.x);
        atomicMin(verdicts[index * 4u + 1u], found.y);
    }
}

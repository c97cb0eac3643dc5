#version 460
/* SPDX-License-Identifier: MIT */
/* Guards: checks of output rows, in integers; a strip of a row a workgroup. */
#define SAME_BINDING 1
#include "shared/fetch.glsl"
#include "shared/guards.h"

layout(local_size_x_id = SPEC_LANES_X) in;
WORD_BUFFER(0, verdicts); /* (quads): count, lowest index */
QUAD_SAME(1, results);    /* the rows that `inputs` reads */
GUARDS_BUFFER(2, guards_strip, strips);
FETCH_SAME(3, inputs);

/* A quad whose first element is `at` of its line, of index `base` + at. found: count, lowest. */
uvec4 check_quad(guards_strip s, uvec4 quad, uint at, uint base, inout uvec2 found)
{
    for (uint i = 0u; i < 4u; i++) {
        bool there = at + i >= s.first && at + i <= s.last;
        if (!there || !range_outside(s.range, quad[i]))
            continue;
        found.y = found.x == 0u ? base + at + i : found.y;
        found.x++;
        quad[i] = range_repair(s.range, quad[i]);
    }
    return quad;
}

/* The same for words that differ from those of the second evaluation. */
void compare_quad(guards_strip s, uvec4 quad, uvec4 other, uvec2 place, inout uvec2 found)
{
    for (uint i = 0u; i < 4u; i++) {
        uint at = place.x + i;
        if (at < s.first || at > s.last || nm_canon(quad[i]) == nm_canon(other[i]))
            continue;
        found.y = found.x == 0u ? place.y + at : found.y;
        found.x++;
    }
}

void main()
{
    guards_strip s = strips[push.entry0 + gl_WorkGroupID.x];
    uint quad0 = s.first / 4u, quads = s.last / 4u - quad0 + 1u;
    uvec2 found = uvec2(0u);
    for (uint i = s.at + gl_LocalInvocationID.x; i < s.end; i += gl_WorkGroupSize.x) {
        uint line = i / quads, q = quad0 + i % quads;
        uint place = s.row + line * s.line_quads + q, before = found.x;
        uvec4 quad = FETCH(inputs, place);
        if (s.twin != 0u) {
            compare_quad(s, quad, FETCH(inputs, place + s.twin),
                         uvec2(q * 4u, line * (s.last + 1u)), found);
            continue;
        }
        quad = check_quad(s, quad, q * 4u, line * (s.last + 1u), found);
        if (found.x != before && s.range.writes != 0u)
            results[place] = quad;
    }
    if (found.x > 0u) {
        atomicAdd(verdicts[s.verdict * 4u], found.x);
        atomicMin(verdicts[s.verdict * 4u + 1u], found.y);
    }
}

#version 460
/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT: a workgroup checks one part of a LINEAR's rows for one column (NUMERICS.md 7). */
#include "shared/fetch.glsl"

#include "shared/abft.h"
#include "shared/guards.h"

layout(local_size_x_id = SPEC_LANES_X) in;
QUAD_BUFFER(0, verdicts);
FETCH_BUFFER(1, inputs);
FETCH_BUFFER(2, tables);
GUARDS_BUFFER(3, guards_part, parts);

/* Four lanes of the three sums over inputs: c.x, c2.x, a.|x|. */
struct products {
    vec4 c, c2, a;
};
shared products sets[ABFT_SETS * 4u];
shared uint largest[ABFT_SETS * 4u];

shared vec3 tiles[ABFT_ROWS / ABFT_LANES]; /* sums of y, with weights, of magnitudes */
shared vec3 lanes[ABFT_LANES];

/* Four lanes of a block, read from quad `q` of the inputs on. */
products block_products(guards_part part, uint q, inout uint most)
{
    products sum = products(vec4(NM_NEG_ZERO), vec4(NM_NEG_ZERO), vec4(NM_NEG_ZERO));
    for (uint i = 0u; i < ABFT_BLOCK / ABFT_LANES && q < part.quads; i++) {
        uvec4 bits = FETCH(inputs, part.src + q), magnitude = bits & 0x7fffffffu;
        uint at = part.table + ABFT_HEAD_QUADS + q / 4u * ABFT_ROW_QUADS + q % 4u;
        sum.c = sum.c + uintBitsToFloat(bits) * FETCH_FLOATS(tables, at);
        sum.c2 = sum.c2 + uintBitsToFloat(bits) * FETCH_FLOATS(tables, at + 4u);
        sum.a = sum.a + uintBitsToFloat(magnitude) * FETCH_FLOATS(tables, at + 8u);
        for (uint c = 0u; c < 4u; c++)
            most = max(most, magnitude[c]);
        q += ABFT_LANES / 4u;
    }
    return sum;
}

void add_inputs(guards_part part, uint item)
{
    products run = products(vec4(NM_NEG_ZERO), vec4(NM_NEG_ZERO), vec4(NM_NEG_ZERO));
    uint most = 0u;
    for (uint b = item / 4u; b * (ABFT_BLOCK / 4u) < part.quads; b += ABFT_SETS) {
        products sum = block_products(part, b * (ABFT_BLOCK / 4u) + item % 4u, most);
        run.c = run.c + sum.c;
        run.c2 = run.c2 + sum.c2;
        run.a = run.a + sum.a;
    }
    sets[item] = run;
    largest[item] = most;
}

/* The tree of 16 lanes. */
float join(vec4 a, vec4 b, vec4 c, vec4 d)
{
    vec4 sum = (a + c) + (b + d);
    vec2 two = sum.xy + sum.zw;
    return two.x + two.y;
}

vec4 magnitudes(vec4 v)
{
    return uintBitsToFloat(floatBitsToUint(v) & 0x7fffffffu);
}

/* 16 rows from `row` on, whose quad is `at`; those from `end` on are absent. */
vec3 tile_sums(uint row, uint end, uint at)
{
    vec4 y[4], weighted[4];
    for (uint g = 0u; g < 4u; g++) {
        y[g] = vec4(NM_NEG_ZERO);
        weighted[g] = y[g];
        if (row + g * 4u >= end)
            continue;
        vec4 values = FETCH_FLOATS(inputs, at + g);
        for (uint c = 0u; c < 4u; c++) {
            uint i = row + g * 4u + c;
            float product = values[c] * float(int(1u + i % ABFT_WEIGHTS));
            y[g][c] = i < end ? values[c] : NM_NEG_ZERO;
            weighted[g][c] = i < end ? product : NM_NEG_ZERO;
        }
    }
    return vec3(join(y[0], y[1], y[2], y[3]),
                join(weighted[0], weighted[1], weighted[2], weighted[3]),
                join(magnitudes(y[0]), magnitudes(y[1]), magnitudes(y[2]), magnitudes(y[3])));
}

void add_lane(uint lane, uint n)
{
    vec3 run = vec3(NM_NEG_ZERO);
    for (uint t = lane; t < n; t += ABFT_LANES)
        run = run + tiles[t];
    lanes[lane] = run;
}

float outputs(uint c)
{
    vec4 v[4];
    for (uint g = 0u; g < 4u; g++)
        v[g] = vec4(lanes[g * 4u][c], lanes[g * 4u + 1u][c], lanes[g * 4u + 2u][c],
                    lanes[g * 4u + 3u][c]);
    return join(v[0], v[1], v[2], v[3]);
}

void judge(guards_part part)
{
    vec4 c[4], c2[4], a[4];
    uint most = 0u;
    for (uint g = 0u; g < 4u; g++) {
        c[g] = (sets[g].c + sets[8u + g].c) + (sets[4u + g].c + sets[12u + g].c);
        c2[g] = (sets[g].c2 + sets[8u + g].c2) + (sets[4u + g].c2 + sets[12u + g].c2);
        a[g] = (sets[g].a + sets[8u + g].a) + (sets[4u + g].a + sets[12u + g].a);
        for (uint i = 0u; i < 4u; i++)
            most = max(most, largest[i * 4u + g]);
    }
    float a_x = join(a[0], a[1], a[2], a[3]);
    vec4 head = FETCH_FLOATS(tables, part.table), floors = FETCH_FLOATS(tables, part.table + 1u);
    float first = outputs(0u) - (join(c[0], c[1], c[2], c[3]) + head[ABFT_BIAS]);
    float second = outputs(1u) - (join(c2[0], c2[1], c2[2], c2[3]) + head[ABFT_BIAS2]);
    float bound = ((a_x * head[ABFT_INPUTS] + outputs(2u) * head[ABFT_OUTPUTS]) + floors.x) *
                  uintBitsToFloat(part.factor);
    bool alarm = abft_alarms(first, bound, most, abft_magnitude(a_x), floatBitsToUint(floors.y));
    verdicts[part.verdict] =
        uvec4(alarm ? 1u : 0u, nm_canon(floatBitsToUint(first)), nm_canon(floatBitsToUint(second)),
              nm_canon(floatBitsToUint(bound)));
}

void main()
{
    uint lane = gl_LocalInvocationID.x;
    guards_part part = parts[push.entry0 + gl_WorkGroupID.x];
    uint n = (part.end - part.row + ABFT_LANES - 1u) / ABFT_LANES;
    for (uint i = lane; i < ABFT_SETS * 4u; i += gl_WorkGroupSize.x)
        add_inputs(part, i);
    for (uint i = lane; i < n; i += gl_WorkGroupSize.x)
        tiles[i] = tile_sums(part.row + i * ABFT_LANES, part.end, part.dst + i * 4u);
    barrier();
    for (uint i = lane; i < ABFT_LANES; i += gl_WorkGroupSize.x)
        add_lane(i, n);
    barrier();
    if (lane == 0u)
        judge(part);
}

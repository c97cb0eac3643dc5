#version 460
/* SPDX-License-Identifier: MIT */
/* ROPE: rotates pairs of features by the angles of the position; eight features per invocation. */
#include "shared/fetch.glsl"

layout(local_size_x_id = SPEC_LANES_X) in;
layout(constant_id = SPEC_ACT) const uint ACT = NM_F32;
layout(push_constant) uniform push_block
{
    push_rope push;
};
QUAD_SAME(0, results);
FETCH_SAME(1, inputs);
FETCH_BUFFER(2, tables); /* (tables, positions, rope_dim / 2, 2) cosine, sine */
WORD_BUFFER(3, columns);

#include "rope_pairs.glsl"
#include "shared/hook.glsl"

vec4 read_quad(uint source, uint quad)
{
    vec4 x = FETCH_FLOATS(inputs, source + quad);
    if (HOOK_AT(HOOK_OPERAND))
        x = hook_quad(HOOK_OPERAND, uvec3(HOOK_NONE, quad * 4u, HOOK_NONE), uvec3(0u, 1u, 0u), x,
                      true);
    return x;
}

/* Writes features 4 quad .. 4 quad + 3. */
void write_quad(uint row, uint quad, vec4 value, bool scaled)
{
    if (scaled)
        value = value * vec4(uintBitsToFloat(push.scale));
    uvec4 bits = round_quad(value, ACT);
    if (HOOK_ANY)
        bits = hook_results(uvec3(quad * 4u, HOOK_NONE, HOOK_NONE), uvec3(1u, 0u, 0u), value, ACT);
    results[row + quad] = bits;
}

void main()
{
    uint unit = push.unit0 + gl_GlobalInvocationID.x, slot = push.slot0 + gl_WorkGroupID.y;
    if (unit >= push.units)
        return;
    uint position = columns[slot * COLUMN_WORDS + COLUMN_ROPE];
    uint source = push.src + slot * push.src_stride, row = push.dst + slot * push.dst_stride;
    rope_place place = rope_place_of(unit);
    vec4 x0 = read_quad(source, place.q0), x1 = read_quad(source, place.q1);
    rope_rotate(place, position, x0, x1);
    bool scaled = push.scale != 0u && unit < push.scaled;
    write_quad(row, place.q0, x0, scaled);
    write_quad(row, place.q1, x1, scaled);
}

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
    uint head_units = push.head_dim / 8u, head = unit / head_units, u = unit % head_units;
    uint half_quads = push.rope_dim / 8u;
    uint position = columns[slot * COLUMN_WORDS + COLUMN_ROPE];
    uint source = push.src + slot * push.src_stride, row = push.dst + slot * push.dst_stride;
    uint first = head * (push.head_dim / 4u);
    bool rotated = u < half_quads;
    /* quads of the unit: pairs lie half a head apart, or side by side */
    uint q0 = first + (rotated && push.neox != 0u ? u : 2u * u);
    uint q1 = q0 + (rotated && push.neox != 0u ? half_quads : 1u);
    vec4 x0 = read_quad(source, q0), x1 = read_quad(source, q1);
    if (rotated) {
        uint at = push.table + position * (push.rope_dim / 4u) + 2u * u;
        vec4 t0 = FETCH_FLOATS(tables, at), t1 = FETCH_FLOATS(tables, at + 1u);
        vec4 c = vec4(t0.xz, t1.xz), s = vec4(t0.yw, t1.yw);
        bool neox = push.neox != 0u;
        vec4 a = neox ? x0 : vec4(x0.xz, x1.xz), b = neox ? x1 : vec4(x0.yw, x1.yw);
        vec4 ra = a * c - b * s, rb = a * s + b * c;
        x0 = neox ? ra : vec4(ra.x, rb.x, ra.y, rb.y);
        x1 = neox ? rb : vec4(ra.z, rb.z, ra.w, rb.w);
    }
    bool scaled = push.scale != 0u && unit < push.scaled;
    write_quad(row, q0, x0, scaled);
    write_quad(row, q1, x1, scaled);
}

/* SPDX-License-Identifier: MIT */
/* The rotation of eight features of a head. Included after the push constants and the tables. */
#ifndef VKFI_ROPE_PAIRS_GLSL
#define VKFI_ROPE_PAIRS_GLSL

/* Where the two quads of a unit lie in a row of heads: pairs lie half a head apart, or side by
 * side. */
struct rope_place {
    uint q0, q1;
    uint u; /* of the head's units */
    bool rotated;
};

rope_place rope_place_of(uint unit)
{
    uint head_units = push.head_dim / 8u, half_quads = push.rope_dim / 8u;
    uint first = unit / head_units * (push.head_dim / 4u);
    rope_place at;
    at.u = unit % head_units;
    at.rotated = at.u < half_quads;
    at.q0 = first + (at.rotated && push.neox != 0u ? at.u : 2u * at.u);
    at.q1 = at.q0 + (at.rotated && push.neox != 0u ? half_quads : 1u);
    return at;
}

/* Both quads at the angles of a row of the tables. */
void rope_rotate(rope_place place, uint position, inout vec4 x0, inout vec4 x1)
{
    if (!place.rotated)
        return;
    uint at = push.table + position * (push.rope_dim / 4u) + 2u * place.u;
    vec4 t0 = FETCH_FLOATS(tables, at), t1 = FETCH_FLOATS(tables, at + 1u);
    vec4 c = vec4(t0.xz, t1.xz), s = vec4(t0.yw, t1.yw);
    bool neox = push.neox != 0u;
    vec4 a = neox ? x0 : vec4(x0.xz, x1.xz), b = neox ? x1 : vec4(x0.yw, x1.yw);
    vec4 ra = a * c - b * s, rb = a * s + b * c;
    x0 = neox ? ra : vec4(ra.x, rb.x, ra.y, rb.y);
    x1 = neox ? rb : vec4(ra.z, rb.z, ra.w, rb.w);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Reading K and V: pages of 32 positions, a position's row of quads, f32 or two halves per word. */
#ifndef VKFI_SHARED_PAGES_GLSL
#define VKFI_SHARED_PAGES_GLSL

#include "shared/fetch.glsl"

/* Quad of 4 features in a row: f32 quads, or half a quad of 16-bit values. */
#define PAGES_QUAD(kv, i) ((kv) == NM_F32 ? (i) : (i) / 2u)

/* Stored bits of features 4 i .. 4 i + 3 from that quad. */
uvec4 pages_raw(uvec4 quad, uint i, uint kv)
{
    if (kv == NM_F32)
        return quad;
    uint a = (i & 1u) == 0u ? quad.x : quad.z, b = (i & 1u) == 0u ? quad.y : quad.w;
    return uvec4(a & 0xffffu, a >> 16, b & 0xffffu, b >> 16);
}

vec4 pages_value(uvec4 raw, uint kv)
{
    return vec4(nm_load(raw.x, kv), nm_load(raw.y, kv), nm_load(raw.z, kv), nm_load(raw.w, kv));
}

#endif

/* SPDX-License-Identifier: MIT */
/* How kernels read: quads (uvec4) of read-only buffers, as storage or as texel buffers.
 *
 * lavapipe loads storage buffers lane by lane and dword by dword, texel buffers of four words as
 * vectors: VKFI_TEXEL picks the latter. */
#ifndef VKFI_SHARED_FETCH_GLSL
#define VKFI_SHARED_FETCH_GLSL

#include "shared/numerics.h"
#include "shared/push.h"

#extension GL_EXT_spirv_intrinsics : require
/* The buffer is bound twice: what is written through one name may be read through another. */
#define ALIASED spirv_decorate(20)

#ifdef VKFI_TEXEL
#extension GL_EXT_samplerless_texture_functions : require
#define FETCH_BUFFER(n, name) layout(binding = n) uniform highp utextureBuffer name
#define FETCH_SAME(n, name) layout(binding = n) ALIASED uniform highp utextureBuffer name
#define FETCH(name, i) texelFetch(name, int(i))
#else
#define FETCH_BUFFER(n, name)                                                                      \
    layout(std430, binding = n) readonly buffer name##_buffer                                      \
    {                                                                                              \
        uvec4 name[];                                                                              \
    }
/* The registers that are written at SAME_BINDING; one binding, since some devices have four. */
#define FETCH_SAME(n, name)                                                                        \
    layout(std430, binding = SAME_BINDING) ALIASED buffer name##_buffer                            \
    {                                                                                              \
        uvec4 name[];                                                                              \
    }
#define FETCH(name, i) name[i]
#endif
#ifndef SAME_BINDING
#define SAME_BINDING 0
#endif
#define FETCH_FLOATS(name, i) uintBitsToFloat(FETCH(name, i))

/* Words and quads that are written, or small and read one by one. */
#define WORD_BUFFER(n, name)                                                                       \
    layout(std430, binding = n) buffer name##_buffer                                               \
    {                                                                                              \
        uint name[];                                                                               \
    }
#define QUAD_BUFFER(n, name)                                                                       \
    layout(std430, binding = n) buffer name##_buffer                                               \
    {                                                                                              \
        uvec4 name[];                                                                              \
    }
/* Those that are read through another name too. */
#define WORD_SAME(n, name)                                                                         \
    layout(std430, binding = n) ALIASED buffer name##_buffer                                       \
    {                                                                                              \
        uint name[];                                                                               \
    }
#define QUAD_SAME(n, name)                                                                         \
    layout(std430, binding = n) ALIASED buffer name##_buffer                                       \
    {                                                                                              \
        uvec4 name[];                                                                              \
    }

/* Bits of a value on the grid of the activation type. */
uint round_bits(float x, uint act)
{
    return act == NM_F32 ? floatBitsToUint(x) : floatBitsToUint(nm_round(x, act));
}

uvec4 round_quad(vec4 v, uint act)
{
    return uvec4(round_bits(v.x, act), round_bits(v.y, act), round_bits(v.z, act),
                 round_bits(v.w, act));
}

#endif

/* SPDX-License-Identifier: MIT */
/* hook.glsl in kernels without hooks: functions return their arguments. */
#ifndef VKFI_SHARED_HOOK_FREE_GLSL
#define VKFI_SHARED_HOOK_FREE_GLSL

uint hook_reader;

#define HOOK_ANY false
#define HOOK_AT(point) false

uint hook_first()
{
    return 0u;
}

uint hook_end()
{
    return 0u;
}

uvec2 hook_captured(uint h)
{
    return uvec2(1u, 0u);
}

bool hook_wants(uint point, uvec3 at)
{
    return false;
}

void hook_stray(uint point, uvec3 at)
{
}

uint hook_bits(uint point, uvec3 at, uint bits, bool note)
{
    return bits;
}

float hook_float(uint point, uvec3 at, float x, bool note)
{
    return x;
}

float hook_sum(uvec3 at, float x)
{
    return x;
}

vec4 hook_quad(uint point, uvec3 at, uvec3 step, vec4 x, bool note)
{
    return x;
}

uvec4 hook_stored(uvec3 at, uvec3 step, uvec4 bits)
{
    return bits;
}

uint hook_result(uvec3 at, float x, uint act)
{
    return LANG_BITS(x);
}

uvec4 hook_results(uvec3 at, uvec3 step, vec4 x, uint act)
{
    return floatBitsToUint(x);
}

#endif

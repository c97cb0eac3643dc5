/* SPDX-License-Identifier: MIT */
/* What lets one header compile as C and as GLSL: names of types, functions, bit casts. */
#ifndef VKFI_SHARED_LANG_H
#define VKFI_SHARED_LANG_H

#ifdef VKFI_GLSL /* defined by the shader build */

#define LANG_FN
#define LANG_BITS(x) floatBitsToUint(x)
#define LANG_FLOAT(x) uintBitsToFloat(x)
#define LANG_TO_FLOAT(i) float(i)
#define LANG_INT(x) int(x)
#define LANG_UINT(x) uint(x)

#else

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t uint;

#define LANG_FN __attribute__((unused)) static inline
#define LANG_INT(x) ((int32_t)(x))
#define LANG_UINT(x) ((uint32_t)(x))
#define LANG_TO_FLOAT(i) ((float)(i))

static inline uint32_t lang_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof(u));
    return u;
}

static inline float lang_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof(x));
    return x;
}

#define LANG_BITS(x) lang_bits(x)
#define LANG_FLOAT(x) lang_float(x)

#endif
#endif

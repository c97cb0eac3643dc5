/* SPDX-License-Identifier: MIT */
/* Activations of the feed-forward part. */
#ifndef VKFI_ACTIVATION_GLSL
#define VKFI_ACTIVATION_GLSL

#include "shared/numerics.h"

/* `fn` 0: SiLU, 1: GELU by tanh, 2 (ACT alone): GELU by erf. */
float activation(uint fn, float x)
{
#ifdef GATE_ALONE
    if (fn == 2u)
        return nm_gelu_erf(x);
#endif
    return fn != 0u ? nm_gelu(x) : nm_silu(x);
}

vec4 activations(uint fn, vec4 x)
{
    return vec4(activation(fn, x.x), activation(fn, x.y), activation(fn, x.z), activation(fn, x.w));
}

#endif

/* SPDX-License-Identifier: MIT */
/* Arithmetic of the exact mode beyond add, sub, mul: one source for the CPU and every shader.
 *
 * The rules are those of NUMERICS.md 1. All functions are free of branches, so that the CPU form
 * vectorises. Errors are stated in ULP of float32, measured by tests/cpu/test_numerics.c. */
#ifndef VKFI_SHARED_NUMERICS_H
#define VKFI_SHARED_NUMERICS_H

#include "shared/lang.h"

#define NM_CONTRACT 1

#define NM_SIGN 0x80000000u
#define NM_INF 0x7f800000u
#define NM_NAN 0x7fc00000u
#define NM_NEG_ZERO_BITS 0x80000000u
#define NM_NEG_ZERO LANG_FLOAT(NM_NEG_ZERO_BITS) /* the empty sum */

/* Blocks and partials of a sum over K (NUMERICS.md 3). */
#define NM_BLOCK 32u
#define NM_PARTIALS 16u

/* How a value is narrowed when it is stored. */
#define NM_F32 0u
#define NM_F16 1u
#define NM_BF16 2u

LANG_FN bool nm_is_nan(uint bits)
{
    return (bits & 0x7fffffffu) > NM_INF;
}

/* Canonical NaN; every other value unchanged. */
LANG_FN uint nm_canon(uint bits)
{
    return nm_is_nan(bits) ? NM_NAN : bits;
}

/* Denormals become zero of their sign. */
LANG_FN uint nm_flush(uint bits)
{
    uint zero = bits & NM_SIGN;
    return (bits & NM_INF) == 0u ? zero : bits;
}

/* Ordered key: a < b as numbers exactly when key(a) < key(b); -0 equals +0, NaN is lowest (0). */
LANG_FN uint nm_key(uint bits)
{
    uint magnitude = bits & 0x7fffffffu;
    uint above = NM_SIGN + magnitude, below = NM_SIGN - magnitude;
    uint key = (bits & NM_SIGN) != 0u ? below : above;
    return magnitude > NM_INF ? 0u : key;
}

/* The bits a key came from (the NaN key gives the canonical NaN, zero gives +0). */
LANG_FN uint nm_unkey(uint key)
{
    uint positive = key - NM_SIGN, negative = (NM_SIGN - key) | NM_SIGN;
    uint bits = key >= NM_SIGN ? positive : negative;
    return key == 0u ? NM_NAN : bits;
}

LANG_FN float nm_negate(float x)
{
    return LANG_FLOAT(LANG_BITS(x) ^ NM_SIGN);
}

/* f16 bits (low 16) as float: exact; f16 denormals are kept. */
LANG_FN float nm_f16_to_f32(uint h)
{
    uint sign = (h & 0x8000u) << 16;
    uint exponent = (h >> 10) & 31u;
    uint mantissa = h & 0x3ffu;
    uint normal = ((h & 0x7fffu) << 13) + 0x38000000u;
    uint special = NM_INF | (mantissa << 13);
    /* mantissa * 2^-24: the product of an integer and a power of two is exact and never denormal */
    uint tiny = LANG_BITS(LANG_TO_FLOAT(LANG_INT(mantissa)) * 5.9604644775390625e-8f);
    uint finite = exponent == 0u ? tiny : normal;
    uint magnitude = exponent == 31u ? special : finite;
    return LANG_FLOAT(sign | magnitude);
}

/* Rounds to nearest even to f16 bits; f32 denormals are zero, f16 denormals kept, overflow Inf. */
LANG_FN uint nm_f32_to_f16(uint bits)
{
    uint sign = (bits >> 16) & 0x8000u;
    uint a = bits & 0x7fffffffu;
    /* normal f16: rebias, round on the 13 dropped bits */
    uint rebased = a - 0x38000000u;
    uint normal = (rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13;
    normal = normal > 0x7c00u ? 0x7c00u : normal;
    /* denormal f16: shift the mantissa with its hidden bit; below 2^-25 nothing is left */
    uint exponent = a >> 23;
    uint shift = 126u - exponent;
    shift = shift - 1u > 23u ? 24u : shift; /* outside 1 .. 24 `normal` or zero is taken */
    uint whole = (a & 0x7fffffu) | 0x800000u;
    uint cut = whole >> shift;
    uint rest = whole & ((1u << shift) - 1u);
    uint half_ = 1u << (shift - 1u);
    uint up = rest + (cut & 1u) > half_ ? 1u : 0u; /* a half: if `cut` is odd */
    uint rounded = cut + up;
    uint denormal = exponent >= 102u ? rounded : 0u;
    uint magnitude = a >= 0x38800000u ? normal : denormal;
    magnitude = a >= 0x477ff000u ? 0x7c00u : magnitude;
    magnitude = a > NM_INF ? 0x7e00u : magnitude;
    sign = a > NM_INF ? 0u : sign;
    return sign | magnitude;
}

LANG_FN float nm_bf16_to_f32(uint h)
{
    return LANG_FLOAT((h & 0xffffu) << 16);
}

/* Rounds to nearest even to bf16 bits; f32 denormals are zero, overflow is Inf, NaN canonical. */
LANG_FN uint nm_f32_to_bf16(uint bits)
{
    uint b = nm_flush(bits);
    uint rounded = ((b + 0x7fffu + ((b >> 16) & 1u)) >> 16) & 0xffffu;
    return nm_is_nan(bits) ? 0x7fc0u : rounded;
}

/* Half of the power of two whose exponent (E8M0) is e. Those of 0 and 1 are denormal: zero. */
LANG_FN float nm_e8m0_half(uint e)
{
    uint half_ = (e - 1u) << 23;
    return LANG_FLOAT(e < 2u ? 0u : half_);
}

/* Numbers that types with a table of 16 mean by an index, plus 128, four bytes a word: the probe
 * knows shifts without a sign alone. Of FP4 (E2M1) twice its numbers, so that they are integers:
 * the scale is half as large. */
#define NM_IQ4_0 0x3f2d1801u /* -127 -104  -83  -65 */
#define NM_IQ4_1 0x766a5d4fu /*  -49  -35  -22  -10 */
#define NM_IQ4_2 0xa6998d81u /*    1   13   25   38 */
#define NM_IQ4_3 0xf1d9c5b5u /*   53   69   89  113 */
#define NM_FP4_0 0x83828180u /* 0 1 2 3 */
#define NM_FP4_1 0x8c888684u /* 4 6 8 12 */
#define NM_FP4_2 0x7d7e7f80u /* their negatives, without a negative zero */
#define NM_FP4_3 0x74787a7cu

/* The number of index q, 0..15, by selects: GPUs keep no table in registers. */
LANG_FN int nm_table(uint q, uint w0, uint w1, uint w2, uint w3)
{
    uint low = (q & 4u) != 0u ? w1 : w0;
    uint high = (q & 4u) != 0u ? w3 : w2;
    uint word = (q & 8u) != 0u ? high : low;
    return LANG_INT(word >> 8u * (q & 3u) & 255u) - 128;
}

/* IQ4_NL, IQ4_XS */
LANG_FN int nm_iq4(uint q)
{
    return nm_table(q, NM_IQ4_0, NM_IQ4_1, NM_IQ4_2, NM_IQ4_3);
}

/* MXFP4 */
LANG_FN int nm_fp4_twice(uint q)
{
    return nm_table(q, NM_FP4_0, NM_FP4_1, NM_FP4_2, NM_FP4_3);
}

/* The stored form of a value: 32 bits for NM_F32, else 16. */
LANG_FN uint nm_store(uint bits, uint type)
{
    uint b = nm_canon(bits);
    return type == NM_F16 ? nm_f32_to_f16(b) : (type == NM_BF16 ? nm_f32_to_bf16(b) : nm_flush(b));
}

/* The value of a stored form. */
LANG_FN float nm_load(uint stored, uint type)
{
    return type == NM_F16    ? nm_f16_to_f32(stored)
           : type == NM_BF16 ? nm_bf16_to_f32(stored)
                             : LANG_FLOAT(stored);
}

/* A value rounded to the grid of a storage type, as f32 bits. */
LANG_FN float nm_round(float x, uint type)
{
    return nm_load(nm_store(LANG_BITS(x), type), type);
}

/* 1 / x, at most 2 ULP for normal results. 0 gives Inf of its sign, Inf gives 0, denormal
 * results are flushed. Newton-Raphson on the mantissa, the exponent as an integer. */
LANG_FN float nm_rcp(float x)
{
    uint bits = nm_flush(LANG_BITS(x));
    uint sign = bits & NM_SIGN;
    uint magnitude = bits & 0x7fffffffu;
    uint exponent = magnitude >> 23;
    float m = LANG_FLOAT((magnitude & 0x7fffffu) | 0x3f800000u); /* [1, 2) */
    float y = 1.4571428571f - m * 0.4857142857f;                 /* 1/m within 0.03 */
    y = y * (2.0f - m * y);
    y = y * (2.0f - m * y);
    y = y * (2.0f - m * y); /* (0.5, 1] */
    /* 1/x = y * 2^(127 - exponent), assembled on the bits */
    uint y_bits = LANG_BITS(y);
    int result_exponent = LANG_INT(y_bits >> 23) + 127 - LANG_INT(exponent);
    uint value = (LANG_UINT(result_exponent) << 23) | (y_bits & 0x7fffffu);
    value = result_exponent <= 0 ? 0u : value;
    value = result_exponent >= 255 ? NM_INF : value;
    value = exponent == 0u ? NM_INF : value;
    value = magnitude == NM_INF ? 0u : value;
    value = value | sign;
    return LANG_FLOAT(magnitude > NM_INF ? NM_NAN : value);
}

/* 1 / sqrt(x), at most 3 ULP. x <= 0: 0 gives Inf, negative gives NaN; Inf gives 0.
 * Newton-Raphson from the usual integer guess on a mantissa in [1, 4). */
LANG_FN float nm_rsqrt(float x)
{
    uint bits = nm_flush(LANG_BITS(x));
    uint exponent = (bits >> 23) & 255u;
    uint odd = (exponent & 1u) ^ 1u; /* exponent - 127 is odd when exponent is even */
    uint m_bits = (bits & 0x7fffffu) | ((127u + odd) << 23);
    float m = LANG_FLOAT(m_bits); /* [1, 4) */
    float y = LANG_FLOAT(0x5f3759dfu - (m_bits >> 1));
    float h = m * 0.5f; /* only ever multiplied: never an operand of a sum itself */
    y = y * (1.5f - (h * y) * y);
    y = y * (1.5f - (h * y) * y);
    y = y * (1.5f - (h * y) * y);
    y = y * (1.5f - (h * y) * y);
    /* x = m * 2^(exponent - 127 - odd): halve that exponent, negate, add to y's */
    int shift = (LANG_INT(exponent) - 127 - LANG_INT(odd)) / 2;
    uint value = LANG_BITS(y) - (LANG_UINT(shift) << 23);
    value = bits == NM_INF ? 0u : value;
    value = (bits & 0x7fffffffu) == 0u ? NM_INF : value;
    bool bad = bits > NM_INF && bits != NM_SIGN; /* NaN or negative */
    return LANG_FLOAT(bad ? NM_NAN : value);
}

/* e^x for x <= 88, at most 2 ULP; zero below -60 (also -Inf), Inf above 88, NaN stays NaN.
 * Cody-Waite reduction by ln 2 in two parts, polynomial for 2 e^r so that no 1.0 is added. */
LANG_FN float nm_exp(float x)
{
    uint bits = LANG_BITS(x);
    uint key = nm_key(bits);
    bool low = key < NM_SIGN - 0x42700000u;  /* below -60 */
    bool high = key > NM_SIGN + 0x42b00000u; /* above 88 */
    bool nan_ = nm_is_nan(bits);
    float a = LANG_FLOAT(low || high || nan_ ? 0x3f000000u : bits);
    float t = a * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    int n = LANG_INT(LANG_BITS(t)) - 0x4b400000;
    float nf = t - 12582912.0f;
    float r = (a - nf * 0.693145751953125f) - nf * 1.42860677e-6f;
    float p = 0.00277222f; /* least squares fit of the doubled series; c2 kept off 1.0 */
    p = p * r + 0.01673823f;
    p = p * r + 0.0833351f;
    p = p * r + 0.33333033f;
    p = p * r + 0.99999994f;
    p = p * r + 2.0f;
    p = p * r + 2.0f; /* 2 e^r in [1.4, 2.83] */
    uint value = LANG_BITS(p) + (LANG_UINT(n - 1) << 23);
    value = low ? 0u : value;
    value = high ? NM_INF : value;
    return LANG_FLOAT(nan_ ? NM_NAN : value);
}

/* 1 / (1 + e^-x), at most 5 ULP of the result for x > -60, else 0. */
LANG_FN float nm_sigmoid(float x)
{
    uint bits = LANG_BITS(x);
    float e = nm_exp(LANG_FLOAT(bits | NM_SIGN)); /* e^-|x|, in [0, 1] */
    float r = nm_rcp((e + 0.25f) + 0.75f);
    float mirrored = e * r;
    uint value = LANG_BITS((bits & NM_SIGN) != 0u ? mirrored : r);
    return LANG_FLOAT(nm_is_nan(bits) ? NM_NAN : value);
}

LANG_FN float nm_silu(float x)
{
    return x * nm_sigmoid(x);
}

/* GELU, tanh form: x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3). */
LANG_FN float nm_gelu(float x)
{
    float u2 = x * (1.59576912f + (x * x) * 0.0713548163f);
    return x * nm_sigmoid(u2);
}

/* P(Z > a) of a standard normal Z, for a >= 0 that is no NaN; at most 12 ULP, zero from 10.96 on.
 * e^(-a^2 / 2) t P(t) with t = 1 / (1 + 0.3 a); a is cut in two so that its square is exact. */
LANG_FN float nm_normal_tail(float a)
{
    uint bits = LANG_BITS(a);
    bits = bits < 0x2b800000u ? 0x2b800000u : bits; /* 2^-40: no square underflows */
    bits = bits > 0x41800000u ? 0x41800000u : bits; /* 16 */
    float x = LANG_FLOAT(bits), high = LANG_FLOAT(bits & 0xfffff000u);
    float e = nm_exp((high * high) * -0.5f) * nm_exp(((x - high) * (x + high)) * -0.5f);
    float t = nm_rcp((x * 0.3f + 0.25f) + 0.75f);
    float p = 0.037340526f; /* least squares fit of the ratio over t in [0.23, 1] */
    p = p * t - 0.16420358f;
    p = p * t + 0.21855316f;
    p = p * t - 0.06507848f;
    p = p * t + 0.13470465f;
    p = p * t + 0.09800711f;
    p = p * t + 0.1210686f;
    p = p * t + 0.11960802f;
    return (e * t) * p;
}

/* GELU by the normal distribution, x * P(Z < x): at most 14 ULP, -0 from x = -10.96 down. */
LANG_FN float nm_gelu_erf(float x)
{
    uint bits = LANG_BITS(x);
    uint magnitude = bits & 0x7fffffffu;
    float tail = nm_normal_tail(LANG_FLOAT(magnitude > NM_INF ? 0x3f000000u : magnitude));
    float p = (bits & NM_SIGN) != 0u ? tail : (0.75f - tail) + 0.25f;
    float y = x * p;
    return LANG_FLOAT(bits == (NM_INF | NM_SIGN) ? NM_SIGN : LANG_BITS(y));
}

/* tanh(x), at most 3 ULP; the sign of zero stays. Below 0.6 an odd polynomial, above it
 * (1 - e) / (1 + e) as 1 - 2 e / (1 + e) with e = e^(-2 |x|). */
LANG_FN float nm_tanh(float x)
{
    uint bits = LANG_BITS(x);
    uint magnitude = bits & 0x7fffffffu;
    uint inside = magnitude < 0x39000000u ? 0x39000000u : magnitude; /* 2^-13: below it, x */
    inside = inside > 0x41800000u ? 0x41800000u : inside;            /* 16 */
    float a = LANG_FLOAT(inside), z = a * a;
    float p = -0.005883233f; /* least squares fit of (tanh(a) / a - 1) / z, relative to tanh */
    p = p * z + 0.020785147f;
    p = p * z - 0.0537804f;
    p = p * z + 0.1333188f;
    p = p * z - 0.33333296f;
    float small_ = a + a * (z * p);
    float e = nm_exp(a * -2.0f);
    float u = e * nm_rcp((e + 0.25f) + 0.75f);
    float large = ((0.75f - u) - u) + 0.25f;
    uint value = LANG_BITS(magnitude < 0x3f19999au ? small_ : large);
    value = magnitude < 0x39000000u ? magnitude : value;
    value = value | (bits & NM_SIGN);
    return LANG_FLOAT(magnitude > NM_INF ? NM_NAN : value);
}

/* limit * tanh(x / limit), with the reciprocal from the host. */
LANG_FN float nm_cap(float x, float limit, float reciprocal)
{
    return limit * nm_tanh(x * reciprocal);
}

/* Contribution of logit i to a row's hash: the sum over i of these pairs, each modulo 2^32, is the
 * hash (high word, low word). Bits must be canonical. Two rounds of a 32-bit finaliser. */
LANG_FN uint nm_mix(uint i, uint bits, uint salt)
{
    uint h = bits * 0x9e3779b1u + (i ^ salt) * 0x85ebca77u;
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return h ^ (h >> 16);
}

#define NM_SALT_LOW 0x243f6a88u
#define NM_SALT_HIGH 0x85a308d3u

#endif

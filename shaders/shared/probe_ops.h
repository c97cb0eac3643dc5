/* SPDX-License-Identifier: MIT */
/* Operations that the probe runs, named for its shader and for the host, and those that are one
 * source for both. C and GLSL. */
#ifndef VKFI_SHARED_PROBE_OPS_H
#define VKFI_SHARED_PROBE_OPS_H

#include "shared/numerics.h"

#define PROBE_GROUP 64u /* local size of probe.comp */

/* Words after the results of the operand sets: a tree sum for each workgroup, then PROBE_TOTALS
 * words that all invocations share by atomics. */
#define PROBE_TOTALS 4u
#define PROBE_TOTAL_COUNT 0u /* atomicAdd of 1 */
#define PROBE_TOTAL_LEAST 1u /* atomicMin of probe_mark; starts as all ones */
#define PROBE_TOTAL_SUM 2u   /* atomicAdd of probe_mark */
#define PROBE_TOTAL_MOST 3u  /* atomicMax of probe_mark, in shared memory, then of workgroups */

/* Floats; a NaN equals any other. */
#define PROBE_OP_ADD 0u      /* a + b */
#define PROBE_OP_SUB 1u      /* a - b */
#define PROBE_OP_MUL 2u      /* a * b */
#define PROBE_OP_MUL_ADD 3u  /* a * b + c */
#define PROBE_OP_MUL_SUB 4u  /* a * b - c */
#define PROBE_OP_SUB_MUL 5u  /* c - a * b */
#define PROBE_OP_ADD_ADD 6u  /* (a + b) + c */
#define PROBE_OP_IDENTITY 7u /* -0.0 + a, the -0.0 a literal */
#define PROBE_OP_CHAIN 8u    /* (-0.0 + a * b) + c, likewise */
#define PROBE_OP_FROM_INT 9u /* float(int(a)) */
#define PROBE_OP_FROM_UINT 10u
#define PROBE_OP_JOIN 11u     /* (a + b) + (c + a) */
#define PROBE_OP_FACTOR 12u   /* a * b + a * c */
#define PROBE_OP_INTEGER 13u  /* (a + C) - C, C = 1.5 * 2^23 a literal: a rounded to an integer */
#define PROBE_OP_ABSENT 14u   /* c + (b is odd ? a * b : -0.0): a term of a sum, or none */
#define PROBE_OP_MOVE 15u     /* c is odd ? a : b, no arithmetic */
#define PROBE_OP_LOAD_F16 16u /* the numbers of a's low 16 bits */
#define PROBE_OP_LOAD_BF16 17u
#define PROBE_OP_RCP 18u /* functions of numerics.h */
#define PROBE_OP_RSQRT 19u
#define PROBE_OP_EXP 20u
#define PROBE_OP_SIGMOID 21u
#define PROBE_OP_SILU 22u
#define PROBE_OP_GELU 23u

/* Words: every bit counts. */
#define PROBE_OP_MIX 24u     /* nm_mix(a, b, c) */
#define PROBE_OP_DIVIDE 25u  /* a / b and a % b */
#define PROBE_OP_SHIFT 26u   /* a << b and a >> b, b below 32 */
#define PROBE_OP_SIGNED 27u  /* int(a) / 2 and int(a) - int(b) */
#define PROBE_OP_KEY 28u     /* nm_key(a), nm_unkey of it */
#define PROBE_OP_COMPARE 29u /* a < b signed and unsigned, least and largest */
#define PROBE_OP_WIDE 30u    /* carry of a + b, high word of a * b */
#define PROBE_OP_STORE_F32 31u
#define PROBE_OP_STORE_F16 32u
#define PROBE_OP_STORE_BF16 33u
#define PROBE_OP_COUNT 34u

/* What the invocation of set `i` adds to the shared words. */
LANG_FN uint probe_mark(uint i, uint bits)
{
    return nm_mix(i, nm_canon(bits), NM_SALT_LOW);
}

/* Operations from MOVE on, but for COMPARE and WIDE, whose functions have other names. */
LANG_FN uint probe_shared(uint op, uint a, uint b, uint c)
{
    float x = LANG_FLOAT(a);
    switch (op) {
    case PROBE_OP_MOVE:
        return LANG_BITS((c & 1u) != 0u ? x : LANG_FLOAT(b));
    case PROBE_OP_LOAD_F16:
        return LANG_BITS(nm_f16_to_f32(a & 0xffffu));
    case PROBE_OP_LOAD_BF16:
        return LANG_BITS(nm_bf16_to_f32(a));
    case PROBE_OP_RCP:
        return LANG_BITS(nm_rcp(x));
    case PROBE_OP_RSQRT:
        return LANG_BITS(nm_rsqrt(x));
    case PROBE_OP_EXP:
        return LANG_BITS(nm_exp(x));
    case PROBE_OP_SIGMOID:
        return LANG_BITS(nm_sigmoid(x));
    case PROBE_OP_SILU:
        return LANG_BITS(nm_silu(x));
    case PROBE_OP_GELU:
        return LANG_BITS(nm_gelu(x));
    case PROBE_OP_MIX:
        return nm_mix(a, b, c);
    case PROBE_OP_DIVIDE:
        return (a / b) ^ ((a % b) * 0x9e3779b1u);
    case PROBE_OP_SHIFT:
        return (a << b) ^ ((a >> b) * 0x9e3779b1u);
    case PROBE_OP_SIGNED:
        return LANG_UINT(LANG_INT(a) / 2) ^ ((a - b) * 0x9e3779b1u);
    case PROBE_OP_KEY:
        return nm_key(a) ^ (nm_unkey(nm_key(a)) * 0x9e3779b1u);
    case PROBE_OP_STORE_F16:
        return nm_store(a, NM_F16);
    case PROBE_OP_STORE_BF16:
        return nm_store(a, NM_BF16);
    default:
        return nm_store(a, NM_F32);
    }
}

#endif

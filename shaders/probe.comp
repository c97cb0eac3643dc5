#version 450
/* SPDX-License-Identifier: MIT */
/* One float operation per invocation on operands that only the buffer knows (NUMERICS.md 5). */
#extension GL_GOOGLE_include_directive : require
#include "shared/numerics.h"
#include "shared/probe_ops.h"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0, std430) readonly buffer Cases
{
    uvec4 cases[]; /* (count) operation, a, b, c */
};
layout(set = 0, binding = 1, std430) writeonly buffer Results
{
    uint results[]; /* (count) bits */
};
layout(push_constant) uniform Push
{
    uint count;
};

float run(uint op, uvec3 operand)
{
    float a = uintBitsToFloat(operand.x);
    float b = uintBitsToFloat(operand.y);
    float c = uintBitsToFloat(operand.z);
    switch (op) {
    case PROBE_OP_ADD:
        return a + b;
    case PROBE_OP_SUB:
        return a - b;
    case PROBE_OP_MUL:
        return a * b;
    case PROBE_OP_MUL_ADD:
        return a * b + c;
    case PROBE_OP_MUL_SUB:
        return a * b - c;
    case PROBE_OP_SUB_MUL:
        return c - a * b;
    case PROBE_OP_ADD_ADD:
        return (a + b) + c;
    case PROBE_OP_IDENTITY:
        return NM_NEG_ZERO + a;
    case PROBE_OP_CHAIN:
        return (NM_NEG_ZERO + a * b) + c;
    case PROBE_OP_FROM_INT:
        return float(int(operand.x));
    default:
        return float(operand.x);
    }
}

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i < count)
        results[i] = floatBitsToUint(run(cases[i].x, cases[i].yzw));
}

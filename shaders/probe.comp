#version 450
/* SPDX-License-Identifier: MIT */
/* One operation per invocation on operands that only the buffer knows (NUMERICS.md 5), then what
 * invocations do together: shared memory, barriers, atomics. */
#extension GL_GOOGLE_include_directive : require
#include "shared/numerics.h"
#include "shared/probe_ops.h"

layout(local_size_x = 64) in; /* PROBE_GROUP */

layout(set = 0, binding = 0, std430) readonly buffer Cases
{
    uvec4 cases[]; /* (count) operation, a, b, c */
};
layout(set = 0, binding = 1, std430) buffer Results
{
    uint results[]; /* (count + workgroups + PROBE_TOTALS) */
};
layout(push_constant) uniform Push
{
    uint count;
};

shared float moved[PROBE_GROUP];
shared uint tree[PROBE_GROUP];
shared uint most;

uint compare(uint a, uint b)
{
    uint order = (a < b ? 1u : 0u) | (int(a) < int(b) ? 2u : 0u);
    return min(a, b) ^ (max(a, b) * 0x9e3779b1u) ^ order;
}

uint wide(uint a, uint b)
{
    uint carry, high, low;
    uint sum = uaddCarry(a, b, carry);
    umulExtended(a, b, high, low);
    return (sum + carry) ^ (high * 0x9e3779b1u) ^ (low * 0x85ebca77u);
}

uint of_words(uint op, uvec3 operand)
{
    if (op == PROBE_OP_COMPARE)
        return compare(operand.x, operand.y);
    if (op == PROBE_OP_WIDE)
        return wide(operand.x, operand.y);
    return probe_shared(op, operand.x, operand.y, operand.z);
}

uint run(uint op, uvec3 operand)
{
    float a = uintBitsToFloat(operand.x);
    float b = uintBitsToFloat(operand.y);
    float c = uintBitsToFloat(operand.z);
    float y;
    switch (op) {
    case PROBE_OP_ADD:
        y = a + b;
        break;
    case PROBE_OP_SUB:
        y = a - b;
        break;
    case PROBE_OP_MUL:
        y = a * b;
        break;
    case PROBE_OP_MUL_ADD:
        y = a * b + c;
        break;
    case PROBE_OP_MUL_SUB:
        y = a * b - c;
        break;
    case PROBE_OP_SUB_MUL:
        y = c - a * b;
        break;
    case PROBE_OP_ADD_ADD:
        y = (a + b) + c;
        break;
    case PROBE_OP_IDENTITY:
        y = NM_NEG_ZERO + a;
        break;
    case PROBE_OP_CHAIN:
        y = (NM_NEG_ZERO + a * b) + c;
        break;
    case PROBE_OP_FROM_INT:
        y = float(int(operand.x));
        break;
    case PROBE_OP_FROM_UINT:
        y = float(operand.x);
        break;
    case PROBE_OP_JOIN:
        y = (a + b) + (c + a);
        break;
    case PROBE_OP_FACTOR:
        y = a * b + a * c;
        break;
    case PROBE_OP_INTEGER:
        y = (a + 12582912.0) - 12582912.0;
        break;
    case PROBE_OP_ABSENT:
        y = c + ((operand.y & 1u) != 0u ? a * b : NM_NEG_ZERO);
        break;
    default:
        return of_words(op, operand);
    }
    return floatBitsToUint(y);
}

/* The mark of the neighbour's operand, which came through shared memory as a float. */
uint mark(uint i)
{
    uint lane = gl_LocalInvocationID.x;
    moved[lane] = uintBitsToFloat(cases[min(i, count - 1u)].y);
    barrier();
    return i < count ? probe_mark(i, floatBitsToUint(moved[lane ^ 1u])) : 0u;
}

void main()
{
    uint i = gl_GlobalInvocationID.x, lane = gl_LocalInvocationID.x;
    uint own = mark(i);
    tree[lane] = own;
    if (lane == 0u)
        most = 0u;
    barrier();
    atomicMax(most, own); /* marks beyond count are 0 */
    for (uint apart = PROBE_GROUP / 2u; apart != 0u; apart /= 2u) {
        if (lane < apart)
            tree[lane] += tree[lane + apart];
        barrier();
    }
    if (lane == 0u) {
        results[count + gl_WorkGroupID.x] = tree[0];
        atomicMax(results[count + gl_NumWorkGroups.x + PROBE_TOTAL_MOST], most);
    }
    if (i < count) {
        uint totals = count + gl_NumWorkGroups.x;
        atomicAdd(results[totals + PROBE_TOTAL_COUNT], 1u);
        atomicMin(results[totals + PROBE_TOTAL_LEAST], own);
        atomicAdd(results[totals + PROBE_TOTAL_SUM], own);
        results[i] = run(cases[i].x, cases[i].yzw);
    }
}

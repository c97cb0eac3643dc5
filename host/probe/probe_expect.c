/* SPDX-License-Identifier: MIT */
/* What the CPU makes of the probe's operations. */
#include "probe/probe_work.h"

/* Each result passes through a volatile: the compiler must not compute at build time, or by other
 * rules, what the processor would. */
static float of_floats(const struct probe_operands *set)
{
    volatile float a = lang_float(set->a), b = lang_float(set->b), c = lang_float(set->c);
    volatile float zero = NM_NEG_ZERO, integers = 12582912.0f, t = 0, u = 0;
    switch (set->op) {
    case PROBE_OP_ADD:
        return a + b;
    case PROBE_OP_SUB:
        return a - b;
    case PROBE_OP_MUL:
        return a * b;
    case PROBE_OP_MUL_ADD:
        t = a * b;
        return t + c;
    case PROBE_OP_MUL_SUB:
        t = a * b;
        return t - c;
    case PROBE_OP_SUB_MUL:
        t = a * b;
        return c - t;
    case PROBE_OP_ADD_ADD:
        t = a + b;
        return t + c;
    case PROBE_OP_IDENTITY:
        return zero + a;
    case PROBE_OP_CHAIN:
        t = a * b;
        t = zero + t;
        return t + c;
    case PROBE_OP_FROM_INT:
        return (float)(int32_t)set->a;
    case PROBE_OP_FROM_UINT:
        return (float)set->a;
    case PROBE_OP_JOIN:
        t = a + b;
        u = c + a;
        return t + u;
    case PROBE_OP_FACTOR:
        t = a * b;
        u = a * c;
        return t + u;
    case PROBE_OP_INTEGER:
        t = a + integers;
        return t - integers;
    default: /* PROBE_OP_ABSENT */
        t = (set->b & 1u) != 0 ? a * b : zero;
        return c + t;
    }
}

static uint32_t compare(uint32_t a, uint32_t b)
{
    const uint32_t order = (a < b ? 1u : 0u) | ((int32_t)a < (int32_t)b ? 2u : 0u);
    return (a < b ? a : b) ^ (a < b ? b : a) * 0x9e3779b1u ^ order;
}

static uint32_t wide(uint32_t a, uint32_t b)
{
    const uint64_t sum = (uint64_t)a + b, product = (uint64_t)a * b;
    return ((uint32_t)sum + (uint32_t)(sum >> 32)) ^ (uint32_t)(product >> 32) * 0x9e3779b1u ^
           (uint32_t)product * 0x85ebca77u;
}

uint32_t probe_expect(const struct probe_operands *set)
{
    uint32_t bits;
    if (set->op < PROBE_OP_MOVE)
        bits = lang_bits(of_floats(set));
    else if (set->op == PROBE_OP_COMPARE)
        bits = compare(set->a, set->b);
    else if (set->op == PROBE_OP_WIDE)
        bits = wide(set->a, set->b);
    else
        bits = probe_shared(set->op, set->a, set->b, set->c);
    return probe_expect_is_float(set->op) ? nm_canon(bits) : bits;
}

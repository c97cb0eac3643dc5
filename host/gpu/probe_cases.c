/* SPDX-License-Identifier: MIT */
/* The cases of the probe: operands, names, and what the CPU makes of them. */
#include "gpu/probe_cases.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/rng.h"
#include "shared/numerics.h"
#include "shared/probe_ops.h"

#define SEED 20260501

struct fixed {
    enum probe_class class;
    const char *what;
    struct probe_operands set;
};

static const struct fixed FIXED[] = {
    {PROBE_ROUNDING, "tie to even", {PROBE_OP_ADD, 0x3f800000, 0x33800000, 0}},
    {PROBE_ROUNDING, "tie to even", {PROBE_OP_ADD, 0x3f800001, 0x33800000, 0}},
    {PROBE_ROUNDING, "tie to even", {PROBE_OP_SUB, 0xbf800000, 0x33800000, 0}},
    {PROBE_ROUNDING, "past the tie", {PROBE_OP_ADD, 0x3f800000, 0x33800001, 0}},
    {PROBE_ROUNDING, "below the tie", {PROBE_OP_ADD, 0x3f800001, 0x337fffff, 0}},
    {PROBE_ROUNDING, "long product", {PROBE_OP_MUL, 0x3f800001, 0x3f800001, 0}},
    {PROBE_ROUNDING, "long product", {PROBE_OP_MUL, 0x3fffffff, 0xbfffffff, 0}},
    {PROBE_ROUNDING, "overflow", {PROBE_OP_ADD, 0x7f7fffff, 0x7f7fffff, 0}},
    {PROBE_ROUNDING, "overflow by a tie", {PROBE_OP_ADD, 0x7f7fffff, 0x73000000, 0}},
    {PROBE_ROUNDING, "no overflow", {PROBE_OP_ADD, 0x7f7fffff, 0x72ffffff, 0}},
    {PROBE_ROUNDING, "overflow", {PROBE_OP_MUL, 0x7f000000, 0xc0000000, 0}},
    {PROBE_CONTRACTION, "two roundings", {PROBE_OP_MUL_ADD, 0x3f800800, 0x3f800800, 0xbf801000}},
    {PROBE_CONTRACTION, "two roundings", {PROBE_OP_MUL_SUB, 0x3f800800, 0x3f800800, 0x3f801000}},
    {PROBE_CONTRACTION, "two roundings", {PROBE_OP_SUB_MUL, 0x3f800800, 0x3f800800, 0x3f801000}},
    {PROBE_CONTRACTION, "two roundings", {PROBE_OP_CHAIN, 0x3f800800, 0x3f800800, 0xbf801000}},
    {PROBE_CONTRACTION, "order kept", {PROBE_OP_ADD_ADD, 0x3f800000, 0x4cbebc20, 0xccbebc20}},
    {PROBE_CONTRACTION, "order kept", {PROBE_OP_ADD_ADD, 0x4cbebc20, 0xccbebc20, 0x3f800000}},
    {PROBE_SPECIAL, "Inf - Inf", {PROBE_OP_SUB, 0x7f800000, 0x7f800000, 0}},
    {PROBE_SPECIAL, "Inf + 1", {PROBE_OP_ADD, 0x7f800000, 0x3f800000, 0}},
    {PROBE_SPECIAL, "Inf * 0", {PROBE_OP_MUL, 0x7f800000, 0x00000000, 0}},
    {PROBE_SPECIAL, "Inf * -2", {PROBE_OP_MUL, 0x7f800000, 0xc0000000, 0}},
    {PROBE_SPECIAL, "NaN + 1", {PROBE_OP_ADD, 0x7fc00000, 0x3f800000, 0}},
    {PROBE_SPECIAL, "NaN * 0", {PROBE_OP_MUL, 0xffc00001, 0x00000000, 0}},
    {PROBE_SPECIAL, "signalling NaN", {PROBE_OP_ADD, 0x7f800001, 0x3f800000, 0}},
    {PROBE_SPECIAL, "identity of Inf", {PROBE_OP_IDENTITY, 0xff800000, 0, 0}},
    {PROBE_SPECIAL, "identity of NaN", {PROBE_OP_IDENTITY, 0x7fc00000, 0, 0}},
    {PROBE_SPECIAL, "NaN product", {PROBE_OP_CHAIN, 0x7f800000, 0x00000000, 0x3f800000}},
    {PROBE_ZERO, "0 + -0", {PROBE_OP_ADD, 0x00000000, 0x80000000, 0}},
    {PROBE_ZERO, "-0 + -0", {PROBE_OP_ADD, 0x80000000, 0x80000000, 0}},
    {PROBE_ZERO, "-0 - 0", {PROBE_OP_SUB, 0x80000000, 0x00000000, 0}},
    {PROBE_ZERO, "0 - 0", {PROBE_OP_SUB, 0x00000000, 0x00000000, 0}},
    {PROBE_ZERO, "x - x", {PROBE_OP_SUB, 0x3f800000, 0x3f800000, 0}},
    {PROBE_ZERO, "0 * -1", {PROBE_OP_MUL, 0x00000000, 0xbf800000, 0}},
    {PROBE_ZERO, "-0 * -0", {PROBE_OP_MUL, 0x80000000, 0x80000000, 0}},
    {PROBE_ZERO, "identity of -0", {PROBE_OP_IDENTITY, 0x80000000, 0, 0}},
    {PROBE_ZERO, "identity of 0", {PROBE_OP_IDENTITY, 0x00000000, 0, 0}},
    {PROBE_ZERO, "chain of -0", {PROBE_OP_CHAIN, 0x00000000, 0xbf800000, 0x80000000}},
    {PROBE_ZERO, "chain of 0", {PROBE_OP_CHAIN, 0x00000000, 0x3f800000, 0x80000000}},
    {PROBE_CONVERT, "int", {PROBE_OP_FROM_INT, 0, 0, 0}},
    {PROBE_CONVERT, "int", {PROBE_OP_FROM_INT, 0xffffffff, 0, 0}},
    {PROBE_CONVERT, "int", {PROBE_OP_FROM_INT, 16777216, 0, 0}},
    {PROBE_CONVERT, "int", {PROBE_OP_FROM_INT, 0xff000001, 0, 0}},
    {PROBE_CONVERT, "uint", {PROBE_OP_FROM_UINT, 16777215, 0, 0}},
    {PROBE_DENORMAL, "operands", {PROBE_OP_ADD, 0x007fffff, 0x00000001, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_ADD, 0x00800000, 0x007fffff, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_SUB, 0x80000001, 0x00000000, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_MUL, 0x007fffff, 0x40000000, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_MUL, 0x80400000, 0x3f800000, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_MUL, 0x00000001, 0x7f000000, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_MUL, 0x00000001, 0x7f800000, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_IDENTITY, 0x00000001, 0, 0}},
    {PROBE_DENORMAL, "operand", {PROBE_OP_IDENTITY, 0x807fffff, 0, 0}},
    {PROBE_DENORMAL, "result", {PROBE_OP_SUB, 0x00c00000, 0x00800000, 0}},
    {PROBE_DENORMAL, "result", {PROBE_OP_SUB, 0x00800000, 0x00800001, 0}},
    {PROBE_DENORMAL, "result", {PROBE_OP_MUL, 0x00800000, 0x3f000000, 0}},
    {PROBE_DENORMAL, "result", {PROBE_OP_MUL, 0x80800000, 0x3f000000, 0}},
    {PROBE_DENORMAL, "product", {PROBE_OP_MUL_ADD, 0x00800000, 0x3f000000, 0x00800000}},
    /* (1 - 2^-13)(1 + 2^-13) and 1 - 2^-24, both times 2^-126 (NUMERICS.md 5). */
    {PROBE_TININESS, "1 - 2^-26", {PROBE_OP_MUL, 0x3f7ff800, 0x00800400, 0}},
    {PROBE_TININESS, "1 - 2^-24", {PROBE_OP_MUL, 0x3f7fffff, 0x00800000, 0}},
    {PROBE_TININESS, "-(1 - 2^-26)", {PROBE_OP_MUL, 0xbf7ff800, 0x00800400, 0}},
    {PROBE_TININESS, "-(1 - 2^-24)", {PROBE_OP_MUL, 0xbf7fffff, 0x00800000, 0}},
};

/* Many operand sets under one name; each operand's exponent has a range. */
static const struct random_case {
    enum probe_class class;
    const char *name;
    uint32_t op;
    uint32_t low[3], high[3]; /* biased exponents of a, b, c */
    bool cancel;              /* every other c is minus the rounded product */
} RANDOM[] = {
    {PROBE_ROUNDING, "random a + b", PROBE_OP_ADD, {110, 110}, {140, 140}, false},
    {PROBE_ROUNDING, "random a - b", PROBE_OP_SUB, {125, 125}, {128, 128}, false},
    {PROBE_ROUNDING, "random a * b", PROBE_OP_MUL, {80, 80}, {180, 180}, false},
    {PROBE_CONTRACTION,
     "random a * b + c",
     PROBE_OP_MUL_ADD,
     {115, 115, 110},
     {140, 140, 150},
     true},
    {PROBE_CONTRACTION,
     "random -0.0 + a * b + c",
     PROBE_OP_CHAIN,
     {115, 115, 110},
     {140, 140, 150},
     true},
    {PROBE_CONTRACTION,
     "random c - a * b",
     PROBE_OP_SUB_MUL,
     {115, 115, 110},
     {140, 140, 150},
     false},
    {PROBE_CONTRACTION,
     "random (a + b) + c",
     PROBE_OP_ADD_ADD,
     {115, 115, 115},
     {140, 140, 140},
     false},
    {PROBE_CONVERT, "random float(int)", PROBE_OP_FROM_INT, {0, 0}, {0, 0}, false},
    {PROBE_DENORMAL, "random tiny a + b", PROBE_OP_ADD, {0, 0}, {3, 3}, false},
    {PROBE_DENORMAL, "random tiny a * b", PROBE_OP_MUL, {0, 80}, {40, 130}, false},
};

#define FIXED_COUNT (sizeof(FIXED) / sizeof(*FIXED))
#define RANDOM_COUNT (sizeof(RANDOM) / sizeof(*RANDOM))
_Static_assert(FIXED_COUNT + RANDOM_COUNT <= PROBE_CASES_MAX, "rows of the result");
_Static_assert(FIXED_COUNT + RANDOM_COUNT * PROBE_RANDOM_SETS <= PROBE_OPERANDS_MAX, "operands");

static void put_name(struct probe_case *c, const struct fixed *f)
{
    static const char *const FORMS[] = {
        [PROBE_OP_ADD] = "%08" PRIx32 " + %08" PRIx32,
        [PROBE_OP_SUB] = "%08" PRIx32 " - %08" PRIx32,
        [PROBE_OP_MUL] = "%08" PRIx32 " * %08" PRIx32,
        [PROBE_OP_MUL_ADD] = "%08" PRIx32 " * %08" PRIx32 " + %08" PRIx32,
        [PROBE_OP_MUL_SUB] = "%08" PRIx32 " * %08" PRIx32 " - %08" PRIx32,
        [PROBE_OP_SUB_MUL] = "-%08" PRIx32 " * %08" PRIx32 " + %08" PRIx32,
        [PROBE_OP_ADD_ADD] = "(%08" PRIx32 " + %08" PRIx32 ") + %08" PRIx32,
        [PROBE_OP_IDENTITY] = "-0.0 + %08" PRIx32,
        [PROBE_OP_CHAIN] = "-0.0 + %08" PRIx32 " * %08" PRIx32 " + %08" PRIx32,
        [PROBE_OP_FROM_INT] = "float(int %08" PRIx32 ")",
        [PROBE_OP_FROM_UINT] = "float(uint %08" PRIx32 ")",
    };
    int n = snprintf(c->name, sizeof(c->name), "%s: ", f->what);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(c->name + n, sizeof(c->name) - (size_t)n, FORMS[f->set.op], f->set.a, f->set.b,
             f->set.c);
#pragma GCC diagnostic pop
}

static uint32_t draw_float(struct rng *rng, const struct random_case *r, size_t operand)
{
    uint32_t bits = rng_u32(rng) & 0x807fffff;
    uint32_t span = r->high[operand] - r->low[operand] + 1;
    return bits | (r->low[operand] + (uint32_t)rng_below(rng, span)) << 23;
}

static struct probe_operands draw(struct rng *rng, const struct random_case *r, size_t index)
{
    struct probe_operands set = {.op = r->op};
    if (r->op == PROBE_OP_FROM_INT) {
        set.a = (uint32_t)rng_below(rng, 1 << 25) - (1 << 24);
        return set;
    }
    set.a = draw_float(rng, r, 0);
    set.b = draw_float(rng, r, 1);
    set.c = draw_float(rng, r, 2);
    if (r->cancel && index % 2 == 0) {
        const struct probe_operands product = {PROBE_OP_MUL, set.a, set.b, 0};
        set.c = probe_cases_expect(&product) ^ NM_SIGN;
    }
    return set;
}

size_t probe_cases_fill(struct probe_result *out, struct probe_operands *sets)
{
    size_t n = 0;
    *out = (struct probe_result){.count = FIXED_COUNT + RANDOM_COUNT};
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        out->cases[i] = (struct probe_case){.class = FIXED[i].class, .tried = 1};
        put_name(&out->cases[i], &FIXED[i]);
        sets[n++] = FIXED[i].set;
    }
    for (size_t i = 0; i < RANDOM_COUNT; i++) {
        const struct random_case *r = &RANDOM[i];
        struct probe_case *c = &out->cases[FIXED_COUNT + i];
        struct rng rng;
        rng_init(&rng, SEED, i);
        *c = (struct probe_case){.class = r->class, .tried = PROBE_RANDOM_SETS};
        snprintf(c->name, sizeof(c->name), "%s", r->name);
        for (size_t k = 0; k < PROBE_RANDOM_SETS; k++)
            sets[n++] = draw(&rng, r, k);
    }
    return n;
}

uint32_t probe_cases_expect(const struct probe_operands *set)
{
    /* Volatile: the compiler must not compute at build time what the processor would. */
    volatile float a = lang_float(set->a), b = lang_float(set->b), c = lang_float(set->c);
    volatile float zero = NM_NEG_ZERO, t = 0, y = 0;
    switch (set->op) {
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
        t = a * b;
        y = t + c;
        break;
    case PROBE_OP_MUL_SUB:
        t = a * b;
        y = t - c;
        break;
    case PROBE_OP_SUB_MUL:
        t = a * b;
        y = c - t;
        break;
    case PROBE_OP_ADD_ADD:
        t = a + b;
        y = t + c;
        break;
    case PROBE_OP_IDENTITY:
        y = zero + a;
        break;
    case PROBE_OP_CHAIN:
        t = a * b;
        t = zero + t;
        y = t + c;
        break;
    case PROBE_OP_FROM_INT:
        y = (float)(int32_t)set->a;
        break;
    default:
        assert(set->op == PROBE_OP_FROM_UINT);
        y = (float)set->a;
        break;
    }
    return nm_canon(lang_bits(y));
}

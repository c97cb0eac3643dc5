/* SPDX-License-Identifier: MIT */
/* The probe's cases with drawn operands, all cases as one list of words, and their comparison. */
#include "probe/probe_work.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"

#define SEED 20260501
#define MANY 1024
#define SOME 256

/* How operands are drawn. */
enum draw {
    DRAW_FLOATS,  /* exponents in ranges, any sign and mantissa */
    DRAW_CANCEL,  /* likewise; every other c is minus the rounded product */
    DRAW_INTEGER, /* a within 2^24 of zero */
    DRAW_WORDS,   /* any bits; b is not 0 */
    DRAW_SHIFT,   /* any bits, b below 32 */
    DRAW_TIE,     /* a float of a storage type's range; every other lies half-way between two */
};

/* Many operand sets under one name. */
static const struct random_case {
    enum probe_class class;
    const char *name;
    uint32_t op, sets;
    enum draw draw;
    uint32_t low[3], high[3]; /* biased exponents of a, b, c */
} RANDOM[] = {
    {PROBE_INTEGER, "random hash", PROBE_OP_MIX, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_INTEGER, "random a / b, a % b", PROBE_OP_DIVIDE, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_INTEGER, "random shifts", PROBE_OP_SHIFT, SOME, DRAW_SHIFT, {0}, {0}},
    {PROBE_INTEGER, "random int / 2", PROBE_OP_SIGNED, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_INTEGER, "random keys", PROBE_OP_KEY, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_INTEGER, "random a < b", PROBE_OP_COMPARE, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_INTEGER, "random wide products", PROBE_OP_WIDE, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_MOVE, "random a or b", PROBE_OP_MOVE, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_ROUNDING, "random a + b", PROBE_OP_ADD, MANY, DRAW_FLOATS, {110, 110}, {140, 140}},
    {PROBE_ROUNDING, "random a - b", PROBE_OP_SUB, MANY, DRAW_FLOATS, {125, 125}, {128, 128}},
    {PROBE_ROUNDING, "random a * b", PROBE_OP_MUL, MANY, DRAW_FLOATS, {80, 80}, {180, 180}},
    {PROBE_OPERAND, "random a + b", PROBE_OP_ADD, SOME, DRAW_FLOATS, {0, 2}, {0, 20}},
    {PROBE_OPERAND, "random a * b", PROBE_OP_MUL, SOME, DRAW_FLOATS, {0, 152}, {0, 250}},
    {PROBE_RESULT, "random a - b", PROBE_OP_SUB, SOME, DRAW_FLOATS, {1, 1}, {3, 3}},
    {PROBE_RESULT, "random a * b", PROBE_OP_MUL, MANY, DRAW_FLOATS, {1, 80}, {40, 126}},
    {PROBE_CONTRACTION,
     "random a * b + c",
     PROBE_OP_MUL_ADD,
     MANY,
     DRAW_CANCEL,
     {115, 115, 110},
     {140, 140, 150}},
    {PROBE_CONTRACTION,
     "random -0.0 + a * b + c",
     PROBE_OP_CHAIN,
     MANY,
     DRAW_CANCEL,
     {115, 115, 110},
     {140, 140, 150}},
    {PROBE_CONTRACTION,
     "random c - a * b",
     PROBE_OP_SUB_MUL,
     MANY,
     DRAW_FLOATS,
     {115, 115, 110},
     {140, 140, 150}},
    {PROBE_CONTRACTION,
     "random a * b - c",
     PROBE_OP_MUL_SUB,
     MANY,
     DRAW_FLOATS,
     {115, 115, 110},
     {140, 140, 150}},
    {PROBE_CONTRACTION,
     "random c + (b odd: a * b)",
     PROBE_OP_ABSENT,
     MANY,
     DRAW_FLOATS,
     {115, 115, 110},
     {140, 140, 150}},
    {PROBE_ORDER,
     "random (a + b) + c",
     PROBE_OP_ADD_ADD,
     MANY,
     DRAW_FLOATS,
     {115, 115, 115},
     {140, 140, 140}},
    {PROBE_ORDER,
     "random (a + b) + (c + a)",
     PROBE_OP_JOIN,
     MANY,
     DRAW_FLOATS,
     {120, 120, 120},
     {135, 135, 135}},
    {PROBE_ORDER,
     "random a * b + a * c",
     PROBE_OP_FACTOR,
     MANY,
     DRAW_FLOATS,
     {115, 120, 120},
     {135, 135, 135}},
    {PROBE_ORDER, "random to an integer", PROBE_OP_INTEGER, SOME, DRAW_FLOATS, {110}, {146}},
    {PROBE_CONVERT, "random float(int)", PROBE_OP_FROM_INT, MANY, DRAW_INTEGER, {0}, {0}},
    {PROBE_STORAGE, "random f16", PROBE_OP_STORE_F16, MANY, DRAW_TIE, {100}, {144}},
    {PROBE_STORAGE, "random bf16", PROBE_OP_STORE_BF16, SOME, DRAW_TIE, {1}, {254}},
    {PROBE_STORAGE, "random from f16", PROBE_OP_LOAD_F16, MANY, DRAW_WORDS, {0}, {0}},
    {PROBE_STORAGE, "random from bf16", PROBE_OP_LOAD_BF16, SOME, DRAW_WORDS, {0}, {0}},
    {PROBE_FUNCTION, "random reciprocal", PROBE_OP_RCP, SOME, DRAW_FLOATS, {2}, {252}},
    {PROBE_FUNCTION, "random rsqrt", PROBE_OP_RSQRT, SOME, DRAW_FLOATS, {1}, {254}},
    {PROBE_FUNCTION, "random exp", PROBE_OP_EXP, SOME, DRAW_FLOATS, {100}, {134}},
    {PROBE_FUNCTION, "random sigmoid", PROBE_OP_SIGMOID, SOME, DRAW_FLOATS, {100}, {134}},
    {PROBE_FUNCTION, "random SiLU", PROBE_OP_SILU, SOME, DRAW_FLOATS, {100}, {134}},
    {PROBE_FUNCTION, "random GELU", PROBE_OP_GELU, SOME, DRAW_FLOATS, {100}, {134}},
};
#define RANDOM_COUNT (sizeof(RANDOM) / sizeof(*RANDOM))

/* After the sets: what invocations do together. */
static const char *const TOGETHER[] = {"tree in shared memory", "atomicAdd of 1", "atomicMin",
                                       "atomicAdd of words", "atomicMax"};
#define TOGETHER_COUNT (sizeof(TOGETHER) / sizeof(*TOGETHER))

static uint32_t draw_float(struct rng *rng, const struct random_case *r, size_t operand)
{
    const uint32_t bits = rng_u32(rng) & 0x807fffff;
    const uint32_t span = r->high[operand] - r->low[operand] + 1;
    return bits | (r->low[operand] + (uint32_t)rng_below(rng, span)) << 23;
}

static void draw_words(struct probe_operands *out, struct rng *rng)
{
    out->a = rng_u32(rng);
    out->b = rng_u32(rng) >> rng_below(rng, 31); /* divisors of all sizes */
    out->b += out->b == 0;
    out->c = rng_u32(rng);
}

/* A product that is flushed before rounding and not after it: PROBE_TININESS alone has these. */
static bool is_tiny_by_rounding(uint32_t a, uint32_t b)
{
    const double product = fabs((double)lang_float(a) * (double)lang_float(b));
    return product < 0x1p-126 && product >= 0x1p-126 * (1 - 0x1p-24);
}

static struct probe_operands draw(struct rng *rng, const struct random_case *r, size_t index)
{
    struct probe_operands set = {.op = r->op};
    switch (r->draw) {
    case DRAW_INTEGER:
        set.a = (uint32_t)rng_below(rng, 1 << 25) - (1 << 24);
        return set;
    case DRAW_WORDS:
        draw_words(&set, rng);
        return set;
    case DRAW_SHIFT:
        draw_words(&set, rng);
        set.b &= 31;
        return set;
    default:
        do {
            set.a = draw_float(rng, r, 0);
            set.b = draw_float(rng, r, 1);
            set.c = draw_float(rng, r, 2);
        } while (is_tiny_by_rounding(set.a, set.b));
    }
    if (r->draw == DRAW_TIE && index % 2 == 0)
        set.a = r->op == PROBE_OP_STORE_F16 ? (set.a & ~0x1fffu) | 0x1000u
                                            : (set.a & ~0xffffu) | 0x8000u;
    if (r->draw == DRAW_CANCEL && index % 2 == 0) {
        const struct probe_operands product = {PROBE_OP_MUL, set.a, set.b, 0};
        set.c = probe_expect(&product) ^ NM_SIGN;
    }
    return set;
}

/* --- all cases --- */

static size_t count_sets(void)
{
    const struct probe_fixed *fixed;
    size_t n = probe_fixed_cases(&fixed);
    for (size_t i = 0; i < RANDOM_COUNT; i++)
        n += RANDOM[i].sets;
    return n;
}

static size_t groups(const struct probe_work *work)
{
    return (work->count + PROBE_GROUP - 1) / PROBE_GROUP;
}

static void fill(struct probe_work *work, struct probe_result *out, uint32_t round)
{
    const struct probe_fixed *fixed;
    const size_t n_fixed = probe_fixed_cases(&fixed);
    size_t n = 0;
    *out = (struct probe_result){.count = n_fixed + RANDOM_COUNT + TOGETHER_COUNT};
    assert(out->count <= PROBE_CASES_MAX);
    struct probe_case *c = out->cases;
    for (size_t i = 0; i < n_fixed; i++, c++) {
        *c = (struct probe_case){.class = fixed[i].class, .tried = 1};
        probe_fixed_name(c->name, &fixed[i]);
        work->sets[n++] = fixed[i].set;
    }
    for (size_t i = 0; i < RANDOM_COUNT; i++, c++) {
        struct rng rng;
        rng_init(&rng, SEED + (uint64_t)round, i);
        *c = (struct probe_case){.class = RANDOM[i].class, .tried = RANDOM[i].sets};
        snprintf(c->name, sizeof(c->name), "%s", RANDOM[i].name);
        for (size_t k = 0; k < RANDOM[i].sets; k++)
            work->sets[n++] = draw(&rng, &RANDOM[i], k);
    }
    for (size_t i = 0; i < TOGETHER_COUNT; i++, c++) {
        *c = (struct probe_case){.class = PROBE_GROUP_WORK,
                                 .tried = i == 0 ? (uint32_t)groups(work) : 1};
        snprintf(c->name, sizeof(c->name), "%s", TOGETHER[i]);
    }
    assert(n == work->count);
}

enum status probe_work_init(struct probe_work *work, struct probe_result *out, uint32_t round)
{
    *work = (struct probe_work){.count = count_sets()};
    work->words = work->count + groups(work) + PROBE_TOTALS;
    work->sets = calloc(work->count, sizeof(*work->sets));
    work->expected = calloc(work->words, sizeof(*work->expected));
    work->device = calloc(work->words, sizeof(*work->device));
    if (!work->sets || !work->expected || !work->device) {
        log_error("no memory for the probe's %zu operand sets", work->count);
        return STATUS_MEMORY;
    }
    work->device[work->words - PROBE_TOTALS + PROBE_TOTAL_LEAST] = UINT32_MAX;
    fill(work, out, round);
    probe_work_expect(work->expected, work);
    return STATUS_OK;
}

void probe_work_finish(struct probe_work *work)
{
    free(work->sets);
    free(work->expected);
    free(work->device);
    *work = (struct probe_work){0};
}

void probe_work_expect(uint32_t *out, const struct probe_work *work)
{
    const size_t n = work->count;
    uint32_t *sums = out + n, *totals = sums + groups(work);
    memset(sums, 0, (work->words - n) * sizeof(*sums));
    totals[PROBE_TOTAL_COUNT] = (uint32_t)n;
    totals[PROBE_TOTAL_LEAST] = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        const size_t neighbour = (i ^ 1u) < n ? i ^ 1u : n - 1;
        const uint32_t mark = probe_mark((uint32_t)i, work->sets[neighbour].a);
        out[i] = probe_expect(&work->sets[i]);
        sums[i / PROBE_GROUP] += mark;
        totals[PROBE_TOTAL_SUM] += mark;
        if (mark < totals[PROBE_TOTAL_LEAST])
            totals[PROBE_TOTAL_LEAST] = mark;
        if (mark > totals[PROBE_TOTAL_MOST])
            totals[PROBE_TOTAL_MOST] = mark;
    }
}

void probe_work_compare(const struct probe_work *work, struct probe_result *out)
{
    size_t at = 0;
    memset(out->differ, 0, sizeof(out->differ));
    for (size_t i = 0; i < out->count; i++) {
        struct probe_case *c = &out->cases[i];
        c->differ = 0;
        for (uint32_t k = 0; k < c->tried; k++, at++) {
            const bool is_float = at < work->count && probe_expect_is_float(work->sets[at].op);
            const uint32_t expected = work->expected[at];
            const uint32_t device = is_float ? nm_canon(work->device[at]) : work->device[at];
            if (k == 0 || (device != expected && c->differ == 0)) {
                c->expected = expected;
                c->device = device;
            }
            c->differ += device != expected;
        }
        c->ok = c->differ == 0;
        out->differ[c->class] += !c->ok;
    }
    assert(at == work->words);
}

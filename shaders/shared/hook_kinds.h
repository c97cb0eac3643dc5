/* SPDX-License-Identifier: MIT */
/* The tables that kernels and the program share: what a fault does to bits, and where. */
#ifndef VKFI_SHARED_HOOK_KINDS_H
#define VKFI_SHARED_HOOK_KINDS_H

/* What a kind takes besides the struck bits: a set. */
#define KIND_TAKES_MASK 1u     /* `mask`: the bits concerned                                   */
#define KIND_TAKES_VALUE 2u    /* `value`: bits, or with KIND_TAKES_NUMBER an f32              */
#define KIND_TAKES_RANGE 4u    /* `low` and `high`, f32                                        */
#define KIND_TAKES_NUMBER 8u   /* the bits as a number: what is struck must be one             */
#define KIND_TAKES_DRAWS 16u   /* random bits, so that the mask is all bits if none is given   */
#define KIND_TAKES_EARLIER 32u /* the bits that the element had one position earlier           */
#define KIND_TAKES_OTHER 64u   /* `from`: another element                                      */

/* Kinds with any of these do not turn equal bits into equal bits at every evaluation. */
#define KIND_UNSTEADY (KIND_TAKES_DRAWS | KIND_TAKES_EARLIER | KIND_TAKES_OTHER)

/* name, text, number, what it takes, how bits change (b: bits before, m: mask, v: value) */
#define KINDS(X)                                                                                   \
    X(FLIP, "flip", 0u, KIND_TAKES_MASK, "b ^ m")                                                  \
    X(STUCK_AT_0, "stuck_at_0", 1u, KIND_TAKES_MASK, "b & ~m")                                     \
    X(STUCK_AT_1, "stuck_at_1", 2u, KIND_TAKES_MASK, "b | m")                                      \
    X(SET, "set", 3u, KIND_TAKES_VALUE, "v")                                                       \
    X(ZERO, "zero", 4u, 0u, "0")                                                                   \
    X(RANDOM, "random", 5u, KIND_TAKES_MASK | KIND_TAKES_DRAWS,                                    \
      "(drawn & m) | (b & ~m), drawn for each element")                                            \
    X(STALE, "stale", 6u, KIND_TAKES_EARLIER,                                                      \
      "the bits one position earlier, 0 where there are none")                                     \
    X(MIX, "mix", 7u, KIND_TAKES_MASK | KIND_TAKES_EARLIER,                                        \
      "(stale & m) | (b & ~m): some bits came late")                                               \
    X(CLAMP, "clamp", 8u, KIND_TAKES_RANGE | KIND_TAKES_NUMBER,                                    \
      "the value, kept in [low, high]; NaN counts as lowest")                                      \
    X(SCALE, "scale", 9u, KIND_TAKES_VALUE | KIND_TAKES_NUMBER, "the value * factor")              \
    X(ADD, "add", 10u, KIND_TAKES_VALUE | KIND_TAKES_NUMBER, "the value + term")                   \
    X(WRONG_READ, "wrong_read", 11u, KIND_TAKES_OTHER, "the bits of the element `from`")           \
    X(WRONG_WRITE, "wrong_write", 12u, KIND_TAKES_OTHER | KIND_TAKES_EARLIER,                      \
      "stale; the element `from` gets b")                                                          \
    X(DRY, "dry", 13u, 0u, "b (the control: everything runs, nothing changes)")

/* name, text, number */
#define POINTS(X)                                                                                  \
    X(OPERAND, "operand", 1u) /* the op's private copy of its input, as read             */        \
    X(WEIGHT, "weight", 2u)   /* stored bits of one field as decoded for this column     */        \
    X(PARTIAL, "partial", 3u) /* chain k mod 4 of block k / 32 right after product k     */        \
    X(OUT, "out", 4u)         /* the f32 result, before rounding                         */        \
    X(MEM, "mem", 5u)         /* the stored form of the result (16 bits if act is a half) */       \
    X(ACCUMULATOR, "accumulator", 6u) /* partial b mod 16 right after t of block b joined it */

#ifdef VKFI_GLSL
#define HOOK_KIND_CONST(name, text, number, takes, how) const uint KIND_##name = number;
KINDS(HOOK_KIND_CONST)
#else
#include <stdbool.h>

#define HOOK_KIND_ENUM(name, text, number, takes, how) KIND_##name,
enum kind { KINDS(HOOK_KIND_ENUM) KIND_COUNT };
#define HOOK_KIND_CHECK(name, text, number, takes, how)                                            \
    _Static_assert(KIND_##name == number, "KINDS are numbered in order");
KINDS(HOOK_KIND_CHECK)

/* Whether a kind takes any of these (KIND_TAKES_*). */
static inline bool hook_kinds_takes(enum kind kind, unsigned any)
{
#define HOOK_KIND_TAKES(name, text, number, takes, how) takes,
    static const unsigned all[] = {KINDS(HOOK_KIND_TAKES)};
    return kind < KIND_COUNT && (all[kind] & any) != 0;
}
#endif

/* Values of the specialization constant: of points, those of the table. */
#define HOOK_OFF 0u
#define HOOK_OPERAND 1u
#define HOOK_WEIGHT 2u
#define HOOK_PARTIAL 3u
#define HOOK_OUT 4u
#define HOOK_MEM 5u
#define HOOK_ACCUMULATOR 6u
#define HOOK_LAST HOOK_ACCUMULATOR
#define HOOK_SEVERAL 7u /* more than one hook, of any points */

/* Points inside a sum over K, whose row is that of the sum; points of what an op writes. */
#define HOOK_IS_SUM(point) ((point) == HOOK_PARTIAL || (point) == HOOK_ACCUMULATOR)
#define HOOK_IS_RESULT(point) ((point) == HOOK_OUT || (point) == HOOK_MEM)

#endif

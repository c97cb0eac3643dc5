/* SPDX-License-Identifier: MIT */
/* The tables that kernels and the program share: what a fault does to bits, and where. */
#ifndef VKFI_SHARED_HOOK_KINDS_H
#define VKFI_SHARED_HOOK_KINDS_H

/* name, text, number, how bits change (b: bits before, m: mask, v: value) */
#define KINDS(X)                                                                                   \
    X(FLIP, "flip", 0u, "b ^ m")                                                                   \
    X(STUCK_AT_0, "stuck_at_0", 1u, "b & ~m")                                                      \
    X(STUCK_AT_1, "stuck_at_1", 2u, "b | m")                                                       \
    X(SET, "set", 3u, "v")                                                                         \
    X(ZERO, "zero", 4u, "0")                                                                       \
    X(RANDOM, "random", 5u, "(drawn & m) | (b & ~m), drawn for each element")                      \
    X(STALE, "stale", 6u, "the bits one position earlier, 0 where there are none")                 \
    X(MIX, "mix", 7u, "(stale & m) | (b & ~m): some bits came late")                               \
    X(CLAMP, "clamp", 8u, "the value, kept in [low, high]; NaN counts as lowest")                  \
    X(SCALE, "scale", 9u, "the value * factor")                                                    \
    X(ADD, "add", 10u, "the value + term")                                                         \
    X(WRONG_READ, "wrong_read", 11u, "the bits of the element `from`")                             \
    X(WRONG_WRITE, "wrong_write", 12u, "stale; the element `from` gets b")                         \
    X(DRY, "dry", 13u, "b (the control: everything runs, nothing changes)")

/* name, text, number */
#define POINTS(X)                                                                                  \
    X(OPERAND, "operand", 1u) /* the op's private copy of its input, as read             */        \
    X(WEIGHT, "weight", 2u)   /* stored bits of one field as decoded for this column     */        \
    X(PARTIAL, "partial", 3u) /* chain k mod 4 of block k / 32 right after product k     */        \
    X(OUT, "out", 4u)         /* the f32 result, before rounding                         */        \
    X(MEM, "mem", 5u)         /* the stored form of the result (16 bits if act is a half) */       \
    X(ACCUMULATOR, "accumulator", 6u) /* partial b mod 16 right after t of block b joined it */

#ifdef VKFI_GLSL
#define HOOK_KIND_CONST(name, text, number, how) const uint KIND_##name = number;
KINDS(HOOK_KIND_CONST)
#else
#define HOOK_KIND_ENUM(name, text, number, how) KIND_##name,
enum kind { KINDS(HOOK_KIND_ENUM) KIND_COUNT };
#define HOOK_KIND_CHECK(name, text, number, how)                                                   \
    _Static_assert(KIND_##name == number, "KINDS are numbered in order");
KINDS(HOOK_KIND_CHECK)
#endif

/* Values of the specialization constant; the points have the numbers of the table. */
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

/* SPDX-License-Identifier: MIT */
/* Hooks in kernels (shared/hook.h). All of it vanishes where HOOK is HOOK_OFF, and from the text
 * where VKFI_HOOK_FREE is defined. */
#ifndef VKFI_SHARED_HOOK_GLSL
#define VKFI_SHARED_HOOK_GLSL

#include "shared/hook.h"
#include "shared/numerics.h"

#ifdef VKFI_HOOK_FREE

#define HOOK_BUFFER(n)
#define HOOK_DO(point, condition, statements)
#define HOOK_ANY(condition, statements)
#define HOOK_ONE(condition, statements)
#define HOOK_PATCH false
#define HOOK_PATCH_SKIP(condition) false
#define HOOK_SINGLE false
#define HOOK_SKIP(condition) false

#else

layout(constant_id = HOOK_SPEC_ID) const uint HOOK = HOOK_OFF;

#define HOOK_BUFFER(n)                                                                             \
    layout(std430, binding = n) buffer hooks_buffer { hook_data hooks[]; };                        \
                                                                                                   \
    /* What the fault makes of canonical bits. */                                                  \
    uint hook_after(uint i, uint bits)                                                             \
    {                                                                                              \
        uint after = hook_edit(bits, hooks[i].and_mask, hooks[i].or_mask, hooks[i].xor_mask);      \
        return hooks[i].capture != 0u ? bits : after;                                              \
    }                                                                                              \
                                                                                                   \
    /* The same, noted: called by one invocation of an evaluation. */                              \
    uint hook_fire(uint i, uint bits)                                                              \
    {                                                                                              \
        uint after = hook_after(i, bits);                                                          \
        if (hooks[i].count == 0u) {                                                                \
            hooks[i].before = bits;                                                                \
            hooks[i].after = after;                                                                \
        }                                                                                          \
        hooks[i].count += 1u;                                                                      \
        if (hooks[i].capture != 0u)                                                                \
            hooks[hooks[i].capture - 1u].or_mask = hooks[i].before;                                \
        return after;                                                                              \
    }                                                                                              \
                                                                                                   \
    uint hook_value(uint i, uint bits, bool primary)                                               \
    {                                                                                              \
        return primary ? hook_fire(i, bits) : hook_after(i, bits);                                 \
    }                                                                                              \
                                                                                                   \
    /* The same on a float: canonical NaN first. */                                                \
    float hook_float(uint i, float x, bool primary)                                                \
    {                                                                                              \
        return LANG_FLOAT(hook_value(i, nm_canon(LANG_BITS(x)), primary));                         \
    }                                                                                              \
                                                                                                   \
    /* Bits for the register: the fault of points OUT and MEM, rounded to `act`. */                \
    uint hook_result(uint i, float x, uint act)                                                    \
    {                                                                                              \
        if (HOOK == HOOK_OUT)                                                                      \
            x = hook_float(i, x, true);                                                            \
        if (HOOK == HOOK_MEM)                                                                      \
            return LANG_BITS(nm_load(hook_value(i, nm_store(LANG_BITS(x), act), true), act));      \
        return act == NM_F32 ? LANG_BITS(x) : LANG_BITS(nm_round(x, act));                         \
    }

/* Statements at a point, under a condition. */
#define HOOK_DO(point, condition, statements)                                                      \
    if (HOOK == (point) && (condition)) {                                                          \
        statements;                                                                                \
    }
#define HOOK_ANY(condition, statements)                                                            \
    if (HOOK_PATCH && (condition)) {                                                               \
        statements;                                                                                \
    }
/* The kernel is a patch, and what it may leave out. */
#define HOOK_PATCH (HOOK != HOOK_OFF)
#define HOOK_PATCH_SKIP(condition) (HOOK_PATCH && (condition))
/* The kernel is a patch of a single output (points other than operand in most ops). */
#define HOOK_SINGLE (HOOK != HOOK_OFF && HOOK != HOOK_OPERAND)
#define HOOK_SKIP(condition) (HOOK_SINGLE && (condition))
#define HOOK_ONE(condition, statements)                                                            \
    if (HOOK_SINGLE && (condition)) {                                                              \
        statements;                                                                                \
    }

#endif
#endif

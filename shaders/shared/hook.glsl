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
    layout(std430, binding = n) buffer hooks_buffer                                                \
    {                                                                                              \
        hook_data hooks[HOOK_MOST];                                                                \
        uint hook_words[];                                                                         \
    };                                                                                             \
                                                                                                   \
    /* What the fault makes of canonical bits. */                                                  \
    uint hook_after(uint i, uint bits)                                                             \
    {                                                                                              \
        uint other = hooks[i].source != 0u ? hook_words[hooks[i].source - 1u] : hooks[i].value;    \
        return ((bits & hooks[i].low) | other) ^ hooks[i].high;                                    \
    }                                                                                              \
                                                                                                   \
    /* The same, noted: called by one invocation of an evaluation. */                              \
    uint hook_fire(uint i, uint bits)                                                              \
    {                                                                                              \
        uint after = hook_after(i, bits);                                                          \
        if (hooks[i].capture != 0u) {                                                              \
            hook_words[hooks[i].capture - 1u] = bits;                                              \
            return bits;                                                                           \
        }                                                                                          \
        hooks[i].count += 1u;                                                                      \
        hooks[i].changed += after == bits ? 0u : 1u;                                               \
        hooks[i].first = 0u;                                                                       \
        hooks[i].before = bits;                                                                    \
        hooks[i].after = after;                                                                    \
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

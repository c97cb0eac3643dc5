/* SPDX-License-Identifier: MIT */
/* Hooks in kernels (shared/hook.h). All of it vanishes where HOOK is HOOK_OFF, and from the text
 * where VKFI_HOOK_FREE is defined. */
#ifndef VKFI_SHARED_HOOK_GLSL
#define VKFI_SHARED_HOOK_GLSL

#include "shared/hook.h"
#include "shared/numerics.h"

#ifdef VKFI_HOOK_FREE

#define HOOK_BUFFER(n)
#define HOOK_DO(point, statements)
#define HOOK_PATCH(statements)

#else

layout(constant_id = HOOK_SPEC_ID) const uint HOOK = HOOK_OFF;

/* Bit of push.hook: the run that notes the bits of the lowest index. */
#define HOOK_RECORD 0x80000000u

uint hook_reader = HOOK_NONE; /* the output that reads, where not all need read the same */
uint hook_field = HOOK_NONE;  /* the field that is asked for, where a weight has several */
bool hook_hit;                /* the last hook_bits found its element in some box */

/* A patch of this point. */
#define HOOK_AT(point) (HOOK == (point) || HOOK == HOOK_SEVERAL)

/* Statements of a patch at a point; of a patch. */
#define HOOK_DO(point, statements)                                                                 \
    if (HOOK_AT(point)) {                                                                          \
        statements;                                                                                \
    }
#define HOOK_PATCH(statements)                                                                     \
    if (HOOK != HOOK_OFF) {                                                                        \
        statements;                                                                                \
    }

#define HOOK_BUFFER(n)                                                                             \
    layout(std430, binding = n) buffer hooks_buffer                                                \
    {                                                                                              \
        hook_data hooks[HOOK_MOST];                                                                \
        uint hook_words[];                                                                         \
    };                                                                                             \
                                                                                                   \
    /* One fault of an element; its proof: counts and the lowest index first, then, in a run that  \
     * records, the bits of that index. A box of one element needs one run. */                     \
    uint hook_one(uint h, uint index, uint bits, bool note, bool record)                           \
    {                                                                                              \
        uint other = hooks[h].source != 0u ? hook_words[hooks[h].source - 1u + index] : bits;      \
        if (hooks[h].capture != 0u) {                                                              \
            hook_words[hooks[h].capture - 1u + index] = bits;                                      \
            return bits;                                                                           \
        }                                                                                          \
        if (!hook_fires(hooks[h], index, hooks[h].kind == KIND_WRONG_WRITE ? other : bits))        \
            return bits;                                                                           \
        uint after = hook_edit(hooks[h], index, bits, other);                                      \
        if (note && !record) {                                                                     \
            atomicAdd(hooks[h].count, 1u);                                                         \
            atomicAdd(hooks[h].changed, after == bits ? 0u : 1u);                                  \
            atomicMin(hooks[h].first, index);                                                      \
        }                                                                                          \
        bool single = hooks[h].rows * hooks[h].ks * hooks[h].keys == 1u;                           \
        if (note && (single || (record && hooks[h].first == index))) {                             \
            hooks[h].before = bits;                                                                \
            hooks[h].after = after;                                                                \
        }                                                                                          \
        return after;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* All faults of the patch at a point of an element (row, k, key) on its bits. */              \
    uint hook_bits(uint push_hook, uint point, uvec3 at, uint bits, bool note)                     \
    {                                                                                              \
        uint first = push_hook & ~HOOK_RECORD, end = first + hooks[first].list;                    \
        hook_hit = false;                                                                          \
        for (uint h = first; h < end; h++) {                                                       \
            uint index = hook_index(hooks[h], at.x, at.y, at.z);                                   \
            bool reads = hook_reader == HOOK_NONE ||                                               \
                         hook_reader - hooks[h].reader < hooks[h].readers;                         \
            bool field = hook_field == HOOK_NONE || hook_field == hooks[h].field;                  \
            if (hooks[h].point != point || index == HOOK_NONE || !reads || !field)                 \
                continue;                                                                          \
            bool primary = note && (hook_reader == HOOK_NONE || hook_reader == hooks[h].reader);   \
            bits = hook_one(h, index, bits, primary, (push_hook & HOOK_RECORD) != 0u);             \
            hook_hit = true;                                                                       \
        }                                                                                          \
        return bits;                                                                               \
    }                                                                                              \
                                                                                                   \
    /* Whether a fault of the patch at a point wants an element, of any row and k where these are   \
     * HOOK_NONE. */                                                                               \
    bool hook_wants(uint push_hook, uint point, uvec3 at)                                          \
    {                                                                                              \
        uint first = push_hook & ~HOOK_RECORD, end = first + hooks[first].list;                    \
        bool wants = false;                                                                        \
        for (uint h = first; h < end; h++)                                                         \
            wants = wants || (hooks[h].point == point &&                                           \
                              hook_index(hooks[h], at.x, at.y, at.z) != HOOK_NONE);                \
        return wants;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* The same on a float, canonical NaN first; on four, `step` apart. */                         \
    float hook_float(uint push_hook, uint point, uvec3 at, float x, bool note)                     \
    {                                                                                              \
        uint bits = hook_bits(push_hook, point, at, nm_canon(LANG_BITS(x)), note);                 \
        return hook_hit ? LANG_FLOAT(bits) : x;                                                    \
    }                                                                                              \
    /* The accumulator that a block has joined: the sum goes on with it, so it is flushed. */           \
    float hook_sum(uint push_hook, uvec3 at, float x)                                              \
    {                                                                                              \
        x = hook_float(push_hook, HOOK_ACCUMULATOR, at, x, true);                                  \
        return hook_hit ? LANG_FLOAT(nm_flush(LANG_BITS(x))) : x;                                  \
    }                                                                                              \
    vec4 hook_quad(uint push_hook, uint point, uvec3 at, uvec3 step, vec4 x, bool note)            \
    {                                                                                              \
        for (uint c = 0u; c < 4u; c++)                                                             \
            x[c] = hook_float(push_hook, point, at + c * step, x[c], note);                        \
        return x;                                                                                  \
    }                                                                                              \
                                                                                                   \
    /* Bits for the register: with faults of points OUT and MEM, rounded to `act`. */              \
    uint hook_result(uint push_hook, uvec3 at, float x, uint act)                                  \
    {                                                                                              \
        for (uint p = HOOK_OUT; p <= HOOK_MEM; p++) {                                              \
            if (!HOOK_AT(p))                                                                       \
                continue;                                                                          \
            uint bits = p == HOOK_OUT ? nm_canon(LANG_BITS(x)) : nm_store(LANG_BITS(x), act);      \
            bits = hook_bits(push_hook, p, at, bits, true);                                        \
            if (hook_hit)                                                                          \
                x = p == HOOK_OUT ? LANG_FLOAT(bits) : nm_load(bits, act);                         \
        }                                                                                          \
        return act == NM_F32 ? LANG_BITS(x) : LANG_BITS(nm_round(x, act));                         \
    }                                                                                              \
    uvec4 hook_results(uint push_hook, uvec3 at, uvec3 step, vec4 x, uint act)                     \
    {                                                                                              \
        uvec4 bits;                                                                                \
        for (uint c = 0u; c < 4u; c++)                                                             \
            bits[c] = hook_result(push_hook, at + c * step, x[c], act);                            \
        return bits;                                                                               \
    }

#endif
#endif

/* SPDX-License-Identifier: MIT */
/* Hooks in kernels (shared/hook.h), included after the push constants. */
#ifndef VKFI_SHARED_HOOK_GLSL
#define VKFI_SHARED_HOOK_GLSL

#include "shared/hook.h"
#include "shared/numerics.h"

#ifdef VKFI_HOOK_FREE
#include "shared/hook_free.glsl"
#else

layout(constant_id = HOOK_SPEC_ID) const uint HOOK = HOOK_OFF;

layout(std430, binding = HOOK_BINDING) buffer hooks_buffer
{
    hook_data hooks[HOOK_MOST];
    uint hook_words[];
};

/* Bit of push.hook: a run that notes the bits of the lowest index. */
#define HOOK_RECORD 0x80000000u

/* The pipeline is a patch; a patch of this point. */
#define HOOK_ANY (HOOK != HOOK_OFF)
#define HOOK_AT(point) (HOOK == (point) || HOOK == HOOK_SEVERAL)

uint hook_reader = HOOK_NONE; /* the output that reads, if outputs may read different values */
uint hook_field = HOOK_NONE;  /* the field read, if a weight has several */
bool hook_hit;                /* the last hook_bits found its element in some box */

/* Hooks of the patch: first .. end - 1. */
uint hook_first()
{
    return push.hook & ~HOOK_RECORD;
}

uint hook_end()
{
    return hook_first() + hooks[hook_first()].list;
}

/* One fault of an element. Its proof: counts and the lowest index, then, in a run that records, the
 * bits of that index; a box of one element needs one run. */
uint hook_one(uint h, uint index, uint bits, bool note)
{
    bool record = (push.hook & HOOK_RECORD) != 0u;
    uint other = hooks[h].source != 0u ? hook_words[hooks[h].source - 1u + index] : bits;
    if (hooks[h].capture != 0u) {
        hook_words[hooks[h].capture - 1u + index] = bits;
        return bits;
    }
    if (!hook_fires(hooks[h], index, hooks[h].kind == KIND_WRONG_WRITE ? other : bits))
        return bits;
    uint after = hook_edit(hooks[h], index, bits, other);
    if (note && !record) {
        atomicAdd(hooks[h].count, 1u);
        atomicAdd(hooks[h].changed, after == bits ? 0u : 1u);
        atomicMin(hooks[h].first, index);
    }
    bool single = hooks[h].rows * hooks[h].ks * hooks[h].keys == 1u;
    if (note && (single || (record && hooks[h].first == index))) {
        hooks[h].before = bits;
        hooks[h].after = after;
    }
    return after;
}

/* All faults of the patch at a point of an element (row, k, key) on its bits. */
uint hook_bits(uint point, uvec3 at, uint bits, bool note)
{
    hook_hit = false;
    for (uint h = hook_first(); h < hook_end(); h++) {
        uint index = hook_index(hooks[h], at.x, at.y, at.z);
        bool reads = hook_reader == HOOK_NONE || hook_reader - hooks[h].reader < hooks[h].readers;
        bool field = hook_field == HOOK_NONE || hook_field == hooks[h].field;
        if (hooks[h].point != point || index == HOOK_NONE || !reads || !field)
            continue;
        bool primary = note && (hook_reader == HOOK_NONE || hook_reader == hooks[h].reader);
        bits = hook_one(h, index, bits, primary);
        hook_hit = true;
    }
    return bits;
}

/* On a float, canonical NaN first. */
float hook_float(uint point, uvec3 at, float x, bool note)
{
    uint bits = hook_bits(point, at, nm_canon(LANG_BITS(x)), note);
    return hook_hit ? LANG_FLOAT(bits) : x;
}

/* Marks the faults of an element whose bits are no number of what there is. */
void hook_stray(uint point, uvec3 at)
{
    for (uint h = hook_first(); h < hook_end(); h++) {
        if (hooks[h].point == point && hook_index(hooks[h], at.x, at.y, at.z) != HOOK_NONE)
            atomicMax(hooks[h].stray, 1u);
    }
}

/* Whether a fault at a point needs an element; coordinates HOOK_NONE: any. */
bool hook_wants(uint point, uvec3 at)
{
    bool wants = false;
    for (uint h = hook_first(); h < hook_end(); h++)
        wants = wants ||
                (hooks[h].point == point && hook_index(hooks[h], at.x, at.y, at.z) != HOOK_NONE);
    return wants;
}

/* First and last key that hook h captures at WEIGHT; 1 and 0: none. */
uvec2 hook_captured(uint h)
{
    if (hooks[h].point != HOOK_WEIGHT || hooks[h].capture == 0u)
        return uvec2(1u, 0u);
    return uvec2(hooks[h].key, min(hooks[h].key + hooks[h].keys - 1u, hooks[h].last_key));
}

/* The accumulator that a block has joined: the sum goes on with it, so it is flushed. */
float hook_sum(uvec3 at, float x)
{
    x = hook_float(HOOK_ACCUMULATOR, at, x, true);
    return hook_hit ? LANG_FLOAT(nm_flush(LANG_BITS(x))) : x;
}

/* Four elements, `step` apart. */
vec4 hook_quad(uint point, uvec3 at, uvec3 step, vec4 x, bool note)
{
    for (uint c = 0u; c < 4u; c++)
        x[c] = hook_float(point, at + c * step, x[c], note);
    return x;
}

/* The same on stored bits. */
uvec4 hook_stored(uvec3 at, uvec3 step, uvec4 bits)
{
    for (uint c = 0u; c < 4u; c++)
        bits[c] = hook_bits(HOOK_WEIGHT, at + c * step, bits[c], true);
    return bits;
}

/* Bits for the register: a result with faults of point OUT, rounded to `act`, with faults of MEM as
 * they were stored: rounding would take a NaN's payload. The loop inlines hook_bits only once. */
uint hook_result(uvec3 at, float x, uint act)
{
    uint rounded = round_bits(x, act);
    for (uint p = HOOK_OUT; p <= HOOK_MEM; p++) {
        if (!HOOK_AT(p))
            continue;
        uint bits = p == HOOK_OUT ? nm_canon(LANG_BITS(x)) : nm_store(LANG_BITS(x), act);
        bits = hook_bits(p, at, bits, true);
        if (!hook_hit)
            continue;
        x = p == HOOK_OUT ? LANG_FLOAT(bits) : nm_load(bits, act);
        rounded = p == HOOK_OUT ? round_bits(x, act) : LANG_BITS(x);
    }
    return rounded;
}

uvec4 hook_results(uvec3 at, uvec3 step, vec4 x, uint act)
{
    uvec4 bits;
    for (uint c = 0u; c < 4u; c++)
        bits[c] = hook_result(at + c * step, x[c], act);
    return bits;
}

#endif
#endif

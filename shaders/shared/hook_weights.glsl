/* SPDX-License-Identifier: MIT */
/* Faults of the stored fields of a weight, as a patch decodes them (point WEIGHT). */
#ifndef VKFI_SHARED_HOOK_WEIGHTS_GLSL
#define VKFI_SHARED_HOOK_WEIGHTS_GLSL

#include "shared/hook.glsl"
#include "shared/weights.glsl"

/* The words of a block that hold its fields. */
struct hook_block {
    uint meta, super_word;
};

#ifdef VKFI_HOOK_FREE

hook_block hook_block_scales(uint row, uint b, hook_block w)
{
    return w;
}

uvec4 hook_codes(uvec3 at, uvec3 step, uvec4 raw)
{
    return raw;
}

bool hook_near(uint b)
{
    return false;
}

#else

/* Where a field lies: in the super word or the meta word of a block, and how many neighbouring
 * elements share it. */
struct hook_place {
    bool in_super;
    uint shift, mask, unit;
};

hook_place hook_place_of(uint field, uint k)
{
    hook_place p = hook_place(false, field == FIELD_MIN ? 16u : 0u, WEIGHT_SCALE_MASK, NM_BLOCK);
#ifdef WEIGHT_SUPER
    if (field == FIELD_SCALE || field == FIELD_MIN) {
        p.in_super = true;
        p.unit = 8u * NM_BLOCK;
    } else {
        bool second = WEIGHT_HALVES && k % NM_BLOCK >= NM_BLOCK / 2u;
        uint submin = WEIGHT_FORM == FORM_HALF_MIN ? 4u : 8u;
        p.shift = (second ? 8u : 0u) + (field == FIELD_SUBMIN ? submin : 0u);
        p.mask = WEIGHT_SUB_MASK;
        p.unit = WEIGHT_HALVES ? NM_BLOCK / 2u : NM_BLOCK;
    }
#endif
    return p;
}

/* Hook h on the field of element k. */
hook_block hook_scale(uint h, uint index, uint k, bool note, hook_block w)
{
    hook_place p = hook_place_of(hooks[h].field, k);
    uint word = p.in_super ? w.super_word : w.meta;
    uint bits = hook_one(h, index, (word >> p.shift) & p.mask, note);
    word = (word & ~(p.mask << p.shift)) | ((bits & p.mask) << p.shift);
    return hook_block(p.in_super ? w.meta : word, p.in_super ? word : w.super_word);
}

/* The elements of a stored row that a hook names: k of LINEAR, rows of EMBED (`row` HOOK_NONE). */
struct hook_elements {
    uint first, n, step;
};

hook_elements hook_elements_of(uint h, uint row)
{
    if (row == HOOK_NONE)
        return hook_elements(hooks[h].row, hooks[h].rows, hooks[h].row_step);
    return hook_elements(hooks[h].k, hooks[h].ks, hooks[h].k_step);
}

/* The element in the n-th unit of elements that share its field; HOOK_NONE: none. */
uint hook_unit_element(hook_elements e, uint unit, uint n)
{
    uint i = hook_index_in(n, e.first / unit, e.n, max(e.step / unit, 1u));
    return i == HOOK_NONE ? HOOK_NONE : e.first + i * e.step;
}

/* d, m, sc and mn of a row's block b as decoded; each fault is noted in the block of its element.
 * `row`: the output of LINEAR that reads the row; HOOK_NONE: EMBED. */
hook_block hook_block_scales(uint row, uint b, hook_block w)
{
    for (uint h = hook_first(); h < hook_end(); h++) {
        if (hooks[h].point != HOOK_WEIGHT || hooks[h].field == FIELD_CODE ||
            hook_index(hooks[h], row, HOOK_NONE, HOOK_NONE) == HOOK_NONE)
            continue;
        hook_elements e = hook_elements_of(h, row);
        uint unit = hook_place_of(hooks[h].field, 0u).unit, halves = unit < NM_BLOCK ? 2u : 1u;
        for (uint n = 0u; n < halves; n++) {
            uint k = hook_unit_element(e, unit, b * NM_BLOCK / unit + n);
            if (k == HOOK_NONE)
                continue;
            uint index = row == HOOK_NONE ? hook_index(hooks[h], k, HOOK_NONE, HOOK_NONE)
                                          : hook_index(hooks[h], row, k, HOOK_NONE);
            w = hook_scale(h, index, k, k / NM_BLOCK == b, w);
        }
    }
    return w;
}

/* Codes of four elements. */
uvec4 hook_codes(uvec3 at, uvec3 step, uvec4 raw)
{
    hook_field = FIELD_CODE;
    for (uint c = 0u; c < 4u; c++)
        raw[c] = hook_bits(HOOK_WEIGHT, at + c * step, raw[c], true) & WEIGHT_CODE_MASK;
    hook_field = HOOK_NONE;
    return raw;
}

/* False: no hook of the patch has an element k in block b, a scale apart. */
bool hook_near(uint b)
{
    bool near = false;
    for (uint h = hook_first(); h < hook_end(); h++)
        near = near || (hooks[h].k < (b + 1u) * NM_BLOCK &&
                        hooks[h].k + (hooks[h].ks - 1u) * hooks[h].k_step >= b * NM_BLOCK);
    return near;
}

#endif
#endif

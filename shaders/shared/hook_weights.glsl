/* SPDX-License-Identifier: MIT */
/* Faults of the stored fields of a weight, as a patch decodes them (point WEIGHT). Behind
 * HOOK_BUFFER and weights.glsl. */
#ifndef VKFI_SHARED_HOOK_WEIGHTS_GLSL
#define VKFI_SHARED_HOOK_WEIGHTS_GLSL

#ifndef VKFI_HOOK_FREE

/* Where a field lies: in the super word or the meta word of a block, and how many neighbouring
 * elements share it. */
struct hook_place {
    bool in_super;
    uint shift, mask, unit;
};

hook_place hook_place_of(uint field, uint k)
{
    hook_place p = hook_place(false, field == FIELD_MIN ? 16u : 0u, 0xffffu, NM_BLOCK);
#ifdef WEIGHT_SUPER
    if (field == FIELD_SCALE || field == FIELD_MIN) {
        p.in_super = true;
        p.unit = 8u * NM_BLOCK;
    } else {
        bool second = WEIGHT_FORM == FORM_HALF && k % NM_BLOCK >= NM_BLOCK / 2u;
        p.shift = field == FIELD_SUBMIN || second ? 8u : 0u;
        p.mask = WEIGHT_SUB_MASK;
        p.unit = WEIGHT_FORM == FORM_HALF ? NM_BLOCK / 2u : NM_BLOCK;
    }
#endif
    return p;
}

/* One hook on the field that element `k` has, `index` in its box. */
void hook_scale(uint h, uint index, uint k, bool note, bool record, inout uint meta,
                inout uint super_word)
{
    hook_place p = hook_place_of(hooks[h].field, k);
    uint word = p.in_super ? super_word : meta;
    uint bits = hook_one(h, index, (word >> p.shift) & p.mask, note, record) & p.mask;
    word = (word & ~(p.mask << p.shift)) | (bits << p.shift);
    super_word = p.in_super ? word : super_word;
    meta = p.in_super ? meta : word;
}

/* The hook's element in the n-th unit of elements that share its field; HOOK_NONE: none. */
uint hook_unit_k(uint h, uint unit, uint n)
{
    uint i = hook_index_in(n, hooks[h].k / unit, hooks[h].ks, max(hooks[h].k_step / unit, 1u));
    return i == HOOK_NONE ? HOOK_NONE : hooks[h].k + i * hooks[h].k_step;
}

/* d, m, sc and mn of a row's block b as decoded; each fault is noted in the block of its element. */
void hook_block_scales(uint push_hook, uint row, uint b, inout uint meta, inout uint super_word)
{
    uint first = push_hook & ~HOOK_RECORD, end = first + hooks[first].list;
    for (uint h = first; h < end; h++) {
        uint r = hook_index_in(row, hooks[h].row, hooks[h].rows, hooks[h].row_step);
        if (hooks[h].point != HOOK_WEIGHT || hooks[h].field == FIELD_CODE || r == HOOK_NONE)
            continue;
        uint unit = hook_place_of(hooks[h].field, 0u).unit, halves = unit < NM_BLOCK ? 2u : 1u;
        for (uint half_ = 0u; half_ < halves; half_++) {
            uint k = hook_unit_k(h, unit, b * NM_BLOCK / unit + half_);
            if (k != HOOK_NONE)
                hook_scale(h, hook_index(hooks[h], row, k, HOOK_NONE), k, k / NM_BLOCK == b,
                           (push_hook & HOOK_RECORD) != 0u, meta, super_word);
        }
    }
}

/* The same fields as one element of an embedding sees them. */
void hook_element_scales(uint push_hook, uint feature, inout uint meta, inout uint super_word)
{
    uint first = push_hook & ~HOOK_RECORD, end = first + hooks[first].list;
    for (uint h = first; h < end; h++) {
        uint index = hook_index(hooks[h], feature, HOOK_NONE, HOOK_NONE);
        if (hooks[h].point == HOOK_WEIGHT && hooks[h].field != FIELD_CODE && index != HOOK_NONE)
            hook_scale(h, index, feature, true, (push_hook & HOOK_RECORD) != 0u, meta, super_word);
    }
}

/* Codes of four elements. */
uvec4 hook_codes(uint push_hook, uvec3 at, uvec3 step, uvec4 raw)
{
    hook_field = FIELD_CODE;
    for (uint c = 0u; c < 4u; c++)
        raw[c] = hook_bits(push_hook, HOOK_WEIGHT, at + c * step, raw[c], true) & WEIGHT_CODE_MASK;
    hook_field = HOOK_NONE;
    return raw;
}

/* False: no hook of the patch has an element k in block b, a scale apart. */
bool hook_near(uint push_hook, uint b)
{
    uint first = push_hook & ~HOOK_RECORD, end = first + hooks[first].list;
    bool near = false;
    for (uint h = first; h < end; h++)
        near = near || (hooks[h].k < (b + 1u) * NM_BLOCK &&
                        hooks[h].k + (hooks[h].ks - 1u) * hooks[h].k_step >= b * NM_BLOCK);
    return near;
}

#endif
#endif

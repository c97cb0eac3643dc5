/* SPDX-License-Identifier: MIT */
/* Values of a SPIR-V module that are undefined, and pairs that are one value for a driver. */
#include <string.h>

#include "gpu/spirv_ids.h"

#define COMPONENTS 4u
#define SCALAR COMPONENTS /* in the place of a component: the value itself */
#define SAME_DEPTH 10u    /* instructions that two values are compared through */

static uint32_t width_of(const struct spirv_ids *ids, uint32_t id)
{
    const struct spirv_ins def = spirv_ids_def(ids, id);
    const struct spirv_ins type = spirv_ids_def(ids, spirv_result_type(&def));
    return type.op == SpvOpTypeVector && type.count == 4 ? type.words[3] : 1;
}

static bool undefined(struct spirv_ids *ids, uint32_t id, uint32_t component);

static bool undefined_construct(struct spirv_ids *ids, const struct spirv_ins *def,
                                uint32_t component)
{
    uint32_t at = 0;
    for (uint32_t i = 3; i < def->count; i++) {
        const uint32_t width = width_of(ids, def->words[i]);
        if (component == SCALAR || component < at + width)
            return undefined(ids, def->words[i], width == 1 ? SCALAR : component - at);
        at += width;
    }
    return false;
}

static bool undefined_shuffle(struct spirv_ids *ids, const struct spirv_ins *def,
                              uint32_t component)
{
    if (component >= def->count - 5)
        return false;
    const uint32_t from = def->words[5 + component], first = width_of(ids, def->words[3]);
    if (from == UINT32_MAX)
        return true;
    return from < first ? undefined(ids, def->words[3], from)
                        : undefined(ids, def->words[4], from - first);
}

static bool undefined_any(struct spirv_ids *ids, const struct spirv_ins *def, uint32_t from,
                          uint32_t step, uint32_t component)
{
    for (uint32_t i = from; i < def->count; i += step) {
        if (undefined(ids, def->words[i], component))
            return true;
    }
    return false;
}

/* The block of a phi begins a loop. */
static bool is_loop_head(const struct spirv_ids *ids, const struct spirv_ins *phi)
{
    struct spirv_ins ins = *phi;
    while (spirv_next(ids->module, &ins) && ins.op != SpvOpLabel) {
        if (ins.op == SpvOpLoopMerge)
            return true;
    }
    return false;
}

/* Composites other than vectors are looked at as a whole. */
static bool undefined(struct spirv_ids *ids, uint32_t id, uint32_t component)
{
    const struct spirv_ins def = spirv_ids_def(ids, id);
    if (def.op == SpvOpUndef)
        return true;
    if (def.count < 4 || id >= ids->module->bound || component > SCALAR ||
        ids->seen[id] & 1u << component)
        return false;
    ids->seen[id] |= (uint8_t)(1u << component);
    switch (def.op) {
    case SpvOpCopyObject:
    case SpvOpBitcast:
    case SpvOpConvertSToF:
    case SpvOpConvertUToF:
        return undefined(ids, def.words[3], component);
    case SpvOpPhi: /* a loop may find undefined what its first round sets */
        return !is_loop_head(ids, &def) && undefined_any(ids, &def, 3, 2, component);
    case SpvOpSelect:
        return undefined_any(ids, &def, 4, 1, component);
    case SpvOpCompositeConstruct:
        return undefined_construct(ids, &def, component);
    case SpvOpVectorShuffle:
        return def.count > 5 && undefined_shuffle(ids, &def, component);
    case SpvOpCompositeExtract:
        return def.count == 5 && undefined(ids, def.words[3], def.words[4]);
    case SpvOpCompositeInsert:
        return def.count == 6 &&
               (def.words[5] == component ? undefined(ids, def.words[3], SCALAR)
                                          : undefined(ids, def.words[4], component));
    default:
        return false;
    }
}

bool spirv_ids_is_undefined(struct spirv_ids *ids, uint32_t id)
{
    const uint32_t width = width_of(ids, id);
    memset(ids->seen, 0, ids->module->bound);
    if (width == 1)
        return undefined(ids, id, SCALAR);
    for (uint32_t c = 0; c < width && c < COMPONENTS; c++) {
        if (undefined(ids, id, c))
            return true;
    }
    return false;
}

/* The first word of an instruction that is no id; 0: its result depends on more than its words. */
static uint32_t literals_from(const struct spirv_ins *def)
{
    switch (def->op) {
    case SpvOpConstant:
        return 3;
    case SpvOpLoad:
    case SpvOpCompositeExtract:
        return 4;
    case SpvOpCompositeInsert:
    case SpvOpVectorShuffle:
    case SpvOpImageFetch:
        return 5;
    case SpvOpAccessChain:
    case SpvOpInBoundsAccessChain:
    case SpvOpConstantComposite:
    case SpvOpCopyObject:
    case SpvOpCompositeConstruct:
    case SpvOpVectorExtractDynamic:
    case SpvOpBitcast:
    case SpvOpConvertSToF:
    case SpvOpConvertUToF:
    case SpvOpSelect:
    case SpvOpFAdd:
    case SpvOpFSub:
    case SpvOpFMul:
    case SpvOpIAdd:
    case SpvOpISub:
    case SpvOpIMul:
    case SpvOpUDiv:
    case SpvOpUMod:
    case SpvOpShiftLeftLogical:
    case SpvOpShiftRightLogical:
    case SpvOpBitwiseAnd:
    case SpvOpBitwiseOr:
    case SpvOpBitwiseXor:
        return def->count;
    default:
        return 0;
    }
}

static bool same(const struct spirv_ids *ids, uint32_t a, uint32_t b, uint32_t depth)
{
    if (a == b)
        return true;
    const struct spirv_ins x = spirv_ids_def(ids, a), y = spirv_ids_def(ids, b);
    if (x.op != y.op || x.count != y.count || x.count < 4 || depth == 0 || x.words[1] != y.words[1])
        return false;
    const uint32_t literals = literals_from(&x);
    for (uint32_t i = 3; i < x.count; i++) {
        if (i < literals ? !same(ids, x.words[i], y.words[i], depth - 1) : x.words[i] != y.words[i])
            return false;
    }
    return literals != 0;
}

bool spirv_ids_is_same(const struct spirv_ids *ids, uint32_t a, uint32_t b)
{
    return same(ids, a, b, SAME_DEPTH);
}

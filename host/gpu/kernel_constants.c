/* SPDX-License-Identifier: MIT */
/* Specialization constants of a module made plain ones, for drivers that do not fold them. */
#include "gpu/kernel_constants.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define OPERANDS_MAX 3u

/* What is known of an id. */
struct id {
    size_t at;     /* index of the constant's instruction in what is written, 0: no constant */
    uint32_t spec; /* its specialization id, if `has_spec` */
    bool has_spec;
};

struct fix {
    uint32_t *words;
    size_t count; /* written */
    struct id *ids;
    uint32_t bool_type;
    const struct kernel_constant *constants;
    uint32_t n;
};

static void put(struct fix *f, SpvOp op, const uint32_t *operands, uint32_t n)
{
    f->words[f->count++] = (n + 1) << SpvWordCountShift | (uint32_t)op;
    memmove(f->words + f->count, operands, n * sizeof(*operands));
    f->count += n;
}

static void put_scalar(struct fix *f, uint32_t type, uint32_t id, uint32_t value)
{
    const uint32_t operands[] = {type, id, value};
    f->ids[id].at = f->count;
    if (type == f->bool_type)
        put(f, value ? SpvOpConstantTrue : SpvOpConstantFalse, operands, 2);
    else
        put(f, SpvOpConstant, operands, 3);
}

/* Bits of a scalar of 32 bits or a bool; false if the id is no such constant. */
static bool scalar(const struct fix *f, uint32_t id, uint32_t *value)
{
    const uint32_t *words = f->words + f->ids[id].at;
    if (f->ids[id].at == 0)
        return false;
    switch (words[0] & SpvOpCodeMask) {
    case SpvOpConstantTrue:
    case SpvOpConstantFalse:
        *value = (words[0] & SpvOpCodeMask) == SpvOpConstantTrue;
        return true;
    case SpvOpConstant:
        *value = words[3];
        return words[0] >> SpvWordCountShift == 4;
    default:
        return false;
    }
}

/* Member `index` of a composite constant. */
static bool extract(const struct fix *f, const struct spirv_ins *ins, uint32_t *value)
{
    const uint32_t *words = f->words + f->ids[ins->words[4]].at;
    if (ins->count != 6 || f->ids[ins->words[4]].at == 0 ||
        (words[0] & SpvOpCodeMask) != SpvOpConstantComposite ||
        ins->words[5] + 3 >= words[0] >> SpvWordCountShift)
        return false;
    return scalar(f, words[3 + ins->words[5]], value);
}

/* The operations that the shaders have. False: another one, or an operand that is no constant. */
static bool evaluate(const struct fix *f, const struct spirv_ins *ins, uint32_t *value)
{
    uint32_t v[OPERANDS_MAX] = {0};
    if (ins->words[3] == SpvOpCompositeExtract)
        return extract(f, ins, value);
    for (uint32_t i = 4; i < ins->count; i++) {
        if (i - 4 >= OPERANDS_MAX || !scalar(f, ins->words[i], &v[i - 4]))
            return false;
    }
    switch (ins->words[3]) {
    case SpvOpIEqual:
        *value = v[0] == v[1];
        return true;
    case SpvOpINotEqual:
        *value = v[0] != v[1];
        return true;
    case SpvOpUGreaterThan:
        *value = v[0] > v[1];
        return true;
    case SpvOpIMul:
        *value = v[0] * v[1];
        return true;
    case SpvOpUDiv:
        *value = v[1] ? v[0] / v[1] : 0;
        return v[1] != 0;
    case SpvOpLogicalNot:
        *value = !v[0];
        return true;
    case SpvOpLogicalOr:
        *value = v[0] || v[1];
        return true;
    case SpvOpSelect:
        *value = v[0] ? v[1] : v[2];
        return true;
    default:
        return false;
    }
}

/* The value set for a specialization constant, or its default. */
static uint32_t value_of(const struct fix *f, uint32_t id, uint32_t otherwise)
{
    for (uint32_t i = 0; i < f->n && f->ids[id].has_spec; i++) {
        if (f->constants[i].id == f->ids[id].spec)
            return f->constants[i].value;
    }
    return otherwise;
}

static void keep(struct fix *f, const struct spirv_ins *ins, SpvOp op)
{
    const uint32_t id = spirv_result(ins);
    if (op >= SpvOpConstantTrue && op <= SpvOpConstantComposite)
        f->ids[id].at = f->count;
    put(f, op, ins->words + 1, ins->count - 1);
}

static void rewrite(struct fix *f, const struct spirv_ins *ins)
{
    const uint32_t *words = ins->words;
    uint32_t value;
    switch (ins->op) {
    case SpvOpDecorate:
        if (words[2] != SpvDecorationSpecId)
            break;
        f->ids[words[1]] = (struct id){.spec = words[3], .has_spec = true};
        return;
    case SpvOpTypeBool:
        f->bool_type = words[1];
        break;
    case SpvOpSpecConstantTrue:
    case SpvOpSpecConstantFalse:
        put_scalar(f, words[1], words[2], value_of(f, words[2], ins->op == SpvOpSpecConstantTrue));
        return;
    case SpvOpSpecConstant:
        if (ins->count != 4) {
            keep(f, ins, SpvOpConstant);
            return;
        }
        put_scalar(f, words[1], words[2], value_of(f, words[2], words[3]));
        return;
    case SpvOpSpecConstantComposite:
        keep(f, ins, SpvOpConstantComposite);
        return;
    case SpvOpSpecConstantOp:
        if (!evaluate(f, ins, &value))
            break;
        put_scalar(f, words[1], words[2], value);
        return;
    default:
        break;
    }
    keep(f, ins, ins->op);
}

enum status kernel_constants(uint32_t *words, size_t *count, const char *name,
                             const struct kernel_constant *constants, uint32_t n)
{
    struct spirv module;
    enum status st = spirv_init(&module, words, *count, name);
    if (st)
        return st;
    struct fix fix = {.words = words,
                      .count = SPIRV_HEADER_WORDS,
                      .ids = calloc(module.bound, sizeof(*fix.ids)),
                      .constants = constants,
                      .n = n};
    if (!fix.ids) {
        log_error("%s: no memory for %u ids", name, module.bound);
        return STATUS_MEMORY;
    }
    for (struct spirv_ins ins = {0}; spirv_next(&module, &ins);)
        rewrite(&fix, &ins);
    free(fix.ids);
    *count = fix.count;
    return STATUS_OK;
}

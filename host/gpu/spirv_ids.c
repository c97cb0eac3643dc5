/* SPDX-License-Identifier: MIT */
/* What each id of a SPIR-V module is: its definition, whether floats are in it, its name. */
#include "gpu/spirv_ids.h"

#include <stdlib.h>

#include "base/log.h"

#define POWER_DEPTH 4 /* moves that a literal power of two is followed through */

/* How the words of a constant become a float on the way to the operand. */
enum reading { READ_FLOAT, READ_BITS, READ_SIGNED, READ_UNSIGNED };

enum status spirv_ids_init(struct spirv_ids *out, const struct spirv *module)
{
    *out = (struct spirv_ids){.module = module};
    out->def = calloc(module->bound, sizeof(*out->def));
    out->no_contraction = calloc(module->bound, sizeof(*out->no_contraction));
    out->name = calloc(module->bound, sizeof(*out->name));
    out->visit = calloc(module->bound, sizeof(*out->visit));
    out->seen = calloc(module->bound, sizeof(*out->seen));
    if (!out->def || !out->no_contraction || !out->name || !out->visit || !out->seen) {
        log_error("%s: no memory for a table of %u ids", module->name, module->bound);
        spirv_ids_finish(out);
        return STATUS_MEMORY;
    }
    struct spirv_ins ins = {0};
    while (spirv_next(module, &ins)) {
        uint32_t result = spirv_result(&ins);
        if (result)
            out->def[result] = (uint32_t)ins.at;
        uint32_t target = ins.count > 2 ? ins.words[1] : 0;
        if (target >= module->bound)
            continue;
        if (ins.op == SpvOpDecorate && ins.words[2] == SpvDecorationNoContraction)
            out->no_contraction[target] = true;
        if (ins.op == SpvOpName)
            out->name[target] = spirv_text(&ins, 2);
    }
    return STATUS_OK;
}

void spirv_ids_finish(struct spirv_ids *ids)
{
    free(ids->def);
    free(ids->no_contraction);
    free(ids->name);
    free(ids->visit);
    free(ids->seen);
    *ids = (struct spirv_ids){0};
}

struct spirv_ins spirv_ids_def(const struct spirv_ids *ids, uint32_t id)
{
    uint32_t at = id < ids->module->bound ? ids->def[id] : 0;
    if (!at)
        return (struct spirv_ins){.op = SpvOpNop};
    uint32_t head = ids->module->words[at];
    return (struct spirv_ins){&ids->module->words[at], head >> SpvWordCountShift,
                              (SpvOp)(head & SpvOpCodeMask), at};
}

bool spirv_ids_type_holds_float(const struct spirv_ids *ids, uint32_t type)
{
    struct spirv_ins def = spirv_ids_def(ids, type);
    switch (def.op) {
    case SpvOpTypeFloat:
        return true;
    case SpvOpTypeVector:
    case SpvOpTypeMatrix:
    case SpvOpTypeArray:
    case SpvOpTypeRuntimeArray:
        /* a type is defined before its user, so this ends */
        return def.count > 2 && ids->def[def.words[2] % ids->module->bound] < def.at &&
               spirv_ids_type_holds_float(ids, def.words[2]);
    case SpvOpTypeStruct:
        for (uint32_t i = 2; i < def.count; i++) {
            if (ids->def[def.words[i] % ids->module->bound] < def.at &&
                spirv_ids_type_holds_float(ids, def.words[i]))
                return true;
        }
        return false;
    default:
        return false;
    }
}

bool spirv_ids_is_float(const struct spirv_ids *ids, uint32_t id)
{
    struct spirv_ins def = spirv_ids_def(ids, id);
    return spirv_ids_type_holds_float(ids, spirv_result_type(&def));
}

static const char *banned_word(uint32_t word, enum reading reading)
{
    switch (reading) {
    case READ_FLOAT:
    case READ_BITS:
        return word == 0            ? "the literal 0.0"
               : word == 0x3f800000 ? "the literal 1.0"
               : word == 0xbf800000 ? "the literal -1.0"
                                    : NULL;
    case READ_SIGNED:
        if (word == UINT32_MAX)
            return "the literal -1";
        /* fall through */
    case READ_UNSIGNED:
        return word == 0 ? "the literal 0" : word == 1 ? "the literal 1" : NULL;
    }
    return NULL;
}

static bool is_constant(SpvOp op)
{
    return op == SpvOpConstant || op == SpvOpConstantComposite || op == SpvOpConstantNull ||
           op == SpvOpSpecConstant || op == SpvOpSpecConstantComposite || op == SpvOpSpecConstantOp;
}

static const char *banned(struct spirv_ids *ids, uint32_t id, enum reading reading);

static const char *banned_any(struct spirv_ids *ids, const struct spirv_ins *ins, uint32_t from,
                              uint32_t step, enum reading reading)
{
    const char *found = NULL;
    for (uint32_t i = from; i < ins->count && !found; i += step)
        found = banned(ids, ins->words[i], reading);
    return found;
}

/* Constants; `reading` says what a driver would fold them to. */
static const char *banned_constant(struct spirv_ids *ids, const struct spirv_ins *def,
                                   enum reading reading)
{
    bool relevant = reading != READ_FLOAT || spirv_ids_type_holds_float(ids, def->words[1]);
    switch (def->op) {
    case SpvOpConstant:
        return relevant && def->count == 4 ? banned_word(def->words[3], reading) : NULL;
    case SpvOpConstantNull:
        return relevant ? banned_word(0, reading) : NULL;
    case SpvOpSpecConstant:
    case SpvOpSpecConstantOp:
        return relevant ? "a specialization constant" : NULL;
    default:
        return banned_any(ids, def, 3, 1, reading);
    }
}

static const char *banned_extract(struct spirv_ids *ids, const struct spirv_ins *def,
                                  enum reading reading)
{
    struct spirv_ins from = spirv_ids_def(ids, def->words[3]);
    if ((from.op == SpvOpConstantComposite || from.op == SpvOpSpecConstantComposite) &&
        def->count == 5 && def->words[4] < from.count - 3)
        return banned(ids, from.words[3 + def->words[4]], reading);
    return banned(ids, def->words[3], reading);
}

static const char *banned(struct spirv_ids *ids, uint32_t id, enum reading reading)
{
    struct spirv_ins def = spirv_ids_def(ids, id);
    if (def.op == SpvOpNop || def.count < 3)
        return NULL;
    if (is_constant(def.op))
        return banned_constant(ids, &def, reading);
    if (ids->visit[id] == ids->search || def.count < 4)
        return NULL;
    ids->visit[id] = ids->search;
    switch (def.op) {
    case SpvOpCopyObject:
    case SpvOpCopyLogical:
        return banned(ids, def.words[3], reading);
    case SpvOpBitcast:
        return banned(ids, def.words[3], reading == READ_FLOAT ? READ_BITS : reading);
    case SpvOpConvertSToF:
        return reading == READ_FLOAT ? banned(ids, def.words[3], READ_SIGNED) : NULL;
    case SpvOpConvertUToF:
        return reading == READ_FLOAT ? banned(ids, def.words[3], READ_UNSIGNED) : NULL;
    case SpvOpCompositeConstruct:
        return banned_any(ids, &def, 3, 1, reading);
    case SpvOpCompositeExtract:
        return def.count > 4 ? banned_extract(ids, &def, reading) : NULL;
    case SpvOpCompositeInsert:
    case SpvOpVectorShuffle: {
        const char *first = banned(ids, def.words[3], reading);
        return first || def.count < 5 ? first : banned(ids, def.words[4], reading);
    }
    case SpvOpPhi:
        return banned_any(ids, &def, 3, 2, reading);
    case SpvOpSelect:
        /* One constant arm is how absent terms are made; two may be folded into their users. */
        if (def.count == 6 && is_constant(spirv_ids_def(ids, def.words[4]).op) &&
            is_constant(spirv_ids_def(ids, def.words[5]).op))
            return banned_any(ids, &def, 4, 1, reading);
        return NULL;
    default:
        return NULL;
    }
}

const char *spirv_ids_banned_literal(struct spirv_ids *ids, uint32_t id)
{
    ids->search++;
    return banned(ids, id, READ_FLOAT);
}

static bool is_literal_power(const struct spirv_ins *def)
{
    if (def->op != SpvOpConstant || def->count != 4)
        return false;
    uint32_t exponent = def->words[3] >> 23 & 255;
    return (def->words[3] & 0x7fffff) == 0 && exponent > 0 && exponent < 255;
}

/* Drivers move a product into the arms of a select or into unrolled steps, then fold it. */
static bool is_power_of_two(const struct spirv_ids *ids, uint32_t id, uint32_t depth)
{
    struct spirv_ins def = spirv_ids_def(ids, id);
    uint32_t from = 3, step = 1;
    if (is_literal_power(&def))
        return true;
    if (def.count < 4 || depth == 0)
        return false;
    switch (def.op) {
    case SpvOpBitcast:
    case SpvOpCopyObject:
    case SpvOpConstantComposite:
    case SpvOpCompositeConstruct:
        break;
    case SpvOpPhi:
        step = 2;
        break;
    case SpvOpSelect:
        if (!is_constant(spirv_ids_def(ids, def.words[4]).op) ||
            !is_constant(spirv_ids_def(ids, def.words[5]).op))
            return false;
        from = 4;
        break;
    default:
        return false;
    }
    for (uint32_t i = from; i < def.count; i += step) {
        if (is_power_of_two(ids, def.words[i], depth - 1))
            return true;
    }
    return false;
}

static bool scaled(struct spirv_ids *ids, uint32_t id)
{
    struct spirv_ins def = spirv_ids_def(ids, id);
    if (def.op == SpvOpNop || def.count < 4 || ids->visit[id] == ids->search)
        return false;
    ids->visit[id] = ids->search;
    uint32_t from = 3, to = def.count, step = 1;
    switch (def.op) {
    case SpvOpFMul:
        return is_power_of_two(ids, def.words[3], POWER_DEPTH) ||
               (def.count > 4 && is_power_of_two(ids, def.words[4], POWER_DEPTH));
    case SpvOpSelect:
        from = 4;
        break;
    case SpvOpPhi:
        step = 2;
        break;
    case SpvOpCompositeConstruct:
        break;
    case SpvOpCopyObject:
    case SpvOpCompositeExtract:
        to = 4;
        break;
    case SpvOpCompositeInsert:
    case SpvOpVectorShuffle:
        to = def.count < 5 ? def.count : 5;
        break;
    default:
        return false;
    }
    for (uint32_t i = from; i < to; i += step) {
        if (scaled(ids, def.words[i]))
            return true;
    }
    return false;
}

bool spirv_ids_is_scaled(struct spirv_ids *ids, uint32_t id)
{
    ids->search++;
    return scaled(ids, id);
}

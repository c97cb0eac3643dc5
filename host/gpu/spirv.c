/* SPDX-License-Identifier: MIT */
/* SPIR-V as words: walking a module's instructions and naming them. */
#include "gpu/spirv.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* The header defines it inline only: this is the one external definition. */
extern inline void SpvHasResultAndType(SpvOp opcode, bool *hasResult, bool *hasResultType);

/* The instructions that messages are about. */
static const struct {
    SpvOp op;
    const char *name;
} NAMES[] = {
    {SpvOpFAdd, "OpFAdd"},
    {SpvOpFSub, "OpFSub"},
    {SpvOpFMul, "OpFMul"},
    {SpvOpFDiv, "OpFDiv"},
    {SpvOpFRem, "OpFRem"},
    {SpvOpFMod, "OpFMod"},
    {SpvOpFNegate, "OpFNegate"},
    {SpvOpDot, "OpDot"},
    {SpvOpOuterProduct, "OpOuterProduct"},
    {SpvOpTranspose, "OpTranspose"},
    {SpvOpVectorTimesScalar, "OpVectorTimesScalar"},
    {SpvOpVectorTimesMatrix, "OpVectorTimesMatrix"},
    {SpvOpMatrixTimesScalar, "OpMatrixTimesScalar"},
    {SpvOpMatrixTimesVector, "OpMatrixTimesVector"},
    {SpvOpMatrixTimesMatrix, "OpMatrixTimesMatrix"},
    {SpvOpFOrdEqual, "OpFOrdEqual"},
    {SpvOpFUnordEqual, "OpFUnordEqual"},
    {SpvOpFOrdNotEqual, "OpFOrdNotEqual"},
    {SpvOpFUnordNotEqual, "OpFUnordNotEqual"},
    {SpvOpFOrdLessThan, "OpFOrdLessThan"},
    {SpvOpFUnordLessThan, "OpFUnordLessThan"},
    {SpvOpFOrdGreaterThan, "OpFOrdGreaterThan"},
    {SpvOpFUnordGreaterThan, "OpFUnordGreaterThan"},
    {SpvOpFOrdLessThanEqual, "OpFOrdLessThanEqual"},
    {SpvOpFUnordLessThanEqual, "OpFUnordLessThanEqual"},
    {SpvOpFOrdGreaterThanEqual, "OpFOrdGreaterThanEqual"},
    {SpvOpFUnordGreaterThanEqual, "OpFUnordGreaterThanEqual"},
    {SpvOpLessOrGreater, "OpLessOrGreater"},
    {SpvOpOrdered, "OpOrdered"},
    {SpvOpUnordered, "OpUnordered"},
    {SpvOpIsNan, "OpIsNan"},
    {SpvOpIsInf, "OpIsInf"},
    {SpvOpIsFinite, "OpIsFinite"},
    {SpvOpIsNormal, "OpIsNormal"},
    {SpvOpSignBitSet, "OpSignBitSet"},
    {SpvOpConvertFToS, "OpConvertFToS"},
    {SpvOpConvertFToU, "OpConvertFToU"},
    {SpvOpConvertSToF, "OpConvertSToF"},
    {SpvOpConvertUToF, "OpConvertUToF"},
    {SpvOpFConvert, "OpFConvert"},
    {SpvOpQuantizeToF16, "OpQuantizeToF16"},
    {SpvOpExtInst, "OpExtInst"},
    {SpvOpStore, "OpStore"},
    {SpvOpVariable, "OpVariable"},
    {SpvOpDecorate, "OpDecorate"},
    {SpvOpCapability, "OpCapability"},
    {SpvOpSpecConstantOp, "OpSpecConstantOp"},
    {SpvOpTypeFloat, "OpTypeFloat"},
    {SpvOpTypeInt, "OpTypeInt"},
    {SpvOpTypeMatrix, "OpTypeMatrix"},
    {SpvOpTypeImage, "OpTypeImage"},
    {SpvOpTypeSampledImage, "OpTypeSampledImage"},
    {SpvOpTypeCooperativeMatrixNV, "OpTypeCooperativeMatrixNV"},
    {SpvOpGroupFAdd, "OpGroupFAdd"},
    {SpvOpGroupFMin, "OpGroupFMin"},
    {SpvOpGroupFMax, "OpGroupFMax"},
    {SpvOpGroupNonUniformFAdd, "OpGroupNonUniformFAdd"},
    {SpvOpGroupNonUniformFMul, "OpGroupNonUniformFMul"},
    {SpvOpGroupNonUniformFMin, "OpGroupNonUniformFMin"},
    {SpvOpGroupNonUniformFMax, "OpGroupNonUniformFMax"},
    {SpvOpGroupNonUniformAllEqual, "OpGroupNonUniformAllEqual"},
    {SpvOpAtomicFAddEXT, "OpAtomicFAddEXT"},
    {SpvOpAtomicFMinEXT, "OpAtomicFMinEXT"},
    {SpvOpAtomicFMaxEXT, "OpAtomicFMaxEXT"},
    {SpvOpImageRead, "OpImageRead"},
    {SpvOpImageWrite, "OpImageWrite"},
    {SpvOpDPdx, "OpDPdx"},
};

enum status spirv_init(struct spirv *out, const uint32_t *words, size_t count, const char *name)
{
    if (count < SPIRV_HEADER_WORDS) {
        log_error("%s: %zu words are no SPIR-V module, at least %d expected", name, count,
                  SPIRV_HEADER_WORDS);
        return STATUS_INPUT;
    }
    if (words[0] != SpvMagicNumber) {
        log_error("%s: first word is %08x, expected the SPIR-V magic number %08x", name, words[0],
                  SpvMagicNumber);
        return STATUS_INPUT;
    }
    if (words[3] == 0 || words[3] > SPIRV_BOUND_MAX + 1) {
        log_error("%s: id bound %u is not in 1..%d", name, words[3], SPIRV_BOUND_MAX + 1);
        return STATUS_INPUT;
    }
    *out = (struct spirv){.words = words, .count = count, .bound = words[3], .name = name};
    for (size_t at = SPIRV_HEADER_WORDS; at < count;) {
        uint32_t length = words[at] >> SpvWordCountShift;
        if (length == 0 || length > count - at) {
            log_error("%s: instruction at word %zu has %u words, %zu are left", name, at, length,
                      count - at);
            return STATUS_INPUT;
        }
        struct spirv_ins ins = {&words[at], length, (SpvOp)(words[at] & SpvOpCodeMask), at};
        if (spirv_result(&ins) >= out->bound || spirv_result_type(&ins) >= out->bound) {
            char text[16];
            log_error("%s: %s at word %zu has an id over the bound %u", name,
                      spirv_op_name(ins.op, text), at, out->bound);
            return STATUS_INPUT;
        }
        at += length;
    }
    return STATUS_OK;
}

bool spirv_next(const struct spirv *module, struct spirv_ins *ins)
{
    size_t at = ins->words ? ins->at + ins->count : SPIRV_HEADER_WORDS;
    if (at >= module->count)
        return false;
    uint32_t head = module->words[at];
    *ins = (struct spirv_ins){&module->words[at], head >> SpvWordCountShift,
                              (SpvOp)(head & SpvOpCodeMask), at};
    return true;
}

uint32_t spirv_result(const struct spirv_ins *ins)
{
    bool has_result, has_type;
    SpvHasResultAndType(ins->op, &has_result, &has_type);
    uint32_t at = has_type ? 2 : 1;
    return has_result && at < ins->count ? ins->words[at] : 0;
}

uint32_t spirv_result_type(const struct spirv_ins *ins)
{
    bool has_result, has_type;
    SpvHasResultAndType(ins->op, &has_result, &has_type);
    return has_type && ins->count > 1 ? ins->words[1] : 0;
}

const char *spirv_op_name(SpvOp op, char text[16])
{
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
        if (NAMES[i].op == op)
            return NAMES[i].name;
    }
    snprintf(text, 16, "Op %d", (int)op);
    return text;
}

const char *spirv_text(const struct spirv_ins *ins, uint32_t from)
{
    if (from >= ins->count)
        return NULL;
    const char *text = (const char *)&ins->words[from];
    return memchr(text, 0, (size_t)(ins->count - from) * 4) ? text : NULL;
}

/* SPDX-License-Identifier: MIT */
/* The rules of NUMERICS.md 1 for SPIR-V: decorated before the optimiser, checked after it. */
#include "gpu/spirv_exact.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spirv/unified1/GLSL.std.450.h>

#include "base/log.h"
#include "gpu/spirv_ids.h"

/* A walk over a module that is checked. */
struct check {
    struct spirv_ids ids;
    const char *file; /* source position of the last OpLine; null: none */
    uint32_t line;
    uint32_t ext_glsl; /* id of the GLSL.std.450 import */
    uint32_t findings;
};

static bool is_arithmetic(SpvOp op)
{
    return op == SpvOpFAdd || op == SpvOpFSub || op == SpvOpFMul;
}

/* Where annotations end: at the first instruction of the sections after them. */
static size_t annotations_end(const struct spirv *module)
{
    struct spirv_ins ins = {0};
    while (spirv_next(module, &ins)) {
        bool has_result, has_type;
        SpvHasResultAndType(ins.op, &has_result, &has_type);
        bool type = ins.op >= SpvOpTypeVoid && ins.op <= SpvOpTypeForwardPointer;
        bool head =
            ins.op == SpvOpExtInstImport || ins.op == SpvOpString || ins.op == SpvOpDecorationGroup;
        if (type || (has_result && !head))
            return ins.at;
    }
    return module->count;
}

enum status spirv_exact_decorate(const struct spirv *module, uint32_t **out_words,
                                 size_t *out_count)
{
    struct spirv_ids ids = {0};
    uint32_t *words = NULL;
    enum status st = spirv_ids_init(&ids, module);
    if (st)
        return st;
    size_t more = 0;
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);)
        more += is_arithmetic(ins.op) && !ids.no_contraction[spirv_result(&ins)] ? 3 : 0;
    words = malloc((module->count + more) * sizeof(*words));
    if (!words) {
        log_error("%s: no memory for %zu words", module->name, module->count + more);
        spirv_ids_finish(&ids);
        return STATUS_MEMORY;
    }
    size_t head = annotations_end(module);
    memcpy(words, module->words, head * sizeof(*words));
    size_t at = head;
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        if (!is_arithmetic(ins.op) || ids.no_contraction[spirv_result(&ins)])
            continue;
        words[at++] = (3u << SpvWordCountShift) | SpvOpDecorate;
        words[at++] = spirv_result(&ins);
        words[at++] = SpvDecorationNoContraction;
    }
    memcpy(words + at, module->words + head, (module->count - head) * sizeof(*words));
    *out_words = words;
    *out_count = module->count + more;
    spirv_ids_finish(&ids);
    return STATUS_OK;
}

/* Logs one broken rule. */
__attribute__((format(printf, 3, 4))) static void
finding(struct check *check, const struct spirv_ins *ins, const char *fmt, ...)
{
    char rule[256], op[16], id[160] = "", place[320] = "";
    va_list args;
    va_start(args, fmt);
    vsnprintf(rule, sizeof(rule), fmt, args);
    va_end(args);
    uint32_t result = spirv_result(ins);
    const char *name = result ? check->ids.name[result] : NULL;
    if (result && name && name[0])
        snprintf(id, sizeof(id), " %%%" PRIu32 " (%s)", result, name);
    else if (result)
        snprintf(id, sizeof(id), " %%%" PRIu32, result);
    if (check->file)
        snprintf(place, sizeof(place), " at %s:%" PRIu32, check->file, check->line);
    log_error("%s: %s%s%s: %s", check->ids.module->name, spirv_op_name(ins->op, op), id, place,
              rule);
    check->findings++;
}

static void check_capability(struct check *check, const struct spirv_ins *ins)
{
    uint32_t capability = ins->count > 1 ? ins->words[1] : UINT32_MAX;
    switch (capability) {
    case SpvCapabilityShader:
    case SpvCapabilityMatrix:
    case SpvCapabilityGroupNonUniform:
    case SpvCapabilityGroupNonUniformVote:
    case SpvCapabilityGroupNonUniformArithmetic:
    case SpvCapabilityGroupNonUniformBallot:
    case SpvCapabilityGroupNonUniformShuffle:
    case SpvCapabilityGroupNonUniformShuffleRelative:
    case SpvCapabilityGroupNonUniformClustered:
    case SpvCapabilityGroupNonUniformQuad:
    case SpvCapabilityVulkanMemoryModel:
    case SpvCapabilityVulkanMemoryModelDeviceScope:
    case SpvCapabilityDenormFlushToZero:
    case SpvCapabilitySignedZeroInfNanPreserve:
    case SpvCapabilityRoundingModeRTE:
    case SpvCapabilityDotProduct:
    case SpvCapabilityDotProductInput4x8BitPacked:
    case SpvCapabilitySampledBuffer:
        return;
    default:
        finding(check, ins, "capability %" PRIu32 " is not one of those exact shaders may use",
                capability);
    }
}

/* Buffers of integers are read as they are; floats and other images may be converted or
 * filtered. */
static void check_image(struct check *check, const struct spirv_ins *ins)
{
    if (ins->count < 9 || ins->words[3] != SpvDimBuffer || ins->words[7] != 1 ||
        spirv_ids_type_holds_float(&check->ids, ins->words[2]))
        finding(check, ins, "only sampled buffers of integers as images");
}

static void check_type(struct check *check, const struct spirv_ins *ins)
{
    switch ((int)ins->op) {
    case SpvOpTypeImage:
        check_image(check, ins);
        return;
    case SpvOpTypeInt:
    case SpvOpTypeFloat:
        if (ins->count < 3 || ins->words[2] != 32)
            finding(check, ins, "only 32-bit numbers");
        return;
    case SpvOpTypeVoid:
    case SpvOpTypeBool:
    case SpvOpTypeVector:
    case SpvOpTypeArray:
    case SpvOpTypeRuntimeArray:
    case SpvOpTypeStruct:
    case SpvOpTypePointer:
    case SpvOpTypeFunction:
        return;
    default:
        finding(check, ins, "only numbers, vectors, arrays and structs as types");
    }
}

static void check_annotation(struct check *check, const struct spirv_ins *ins)
{
    uint32_t at = ins->op == SpvOpMemberDecorate ? 3 : 2;
    uint32_t decoration = ins->count > at ? ins->words[at] : UINT32_MAX;
    if (decoration == SpvDecorationRelaxedPrecision || decoration == SpvDecorationFPFastMathMode ||
        decoration == SpvDecorationFPRoundingMode)
        finding(check, ins, "%s of %%%" PRIu32 " lets the device change bits",
                decoration == SpvDecorationRelaxedPrecision ? "RelaxedPrecision"
                : decoration == SpvDecorationFPFastMathMode ? "FPFastMathMode"
                                                            : "FPRoundingMode",
                ins->words[1]);
}

static void check_mode(struct check *check, const struct spirv_ins *ins)
{
    uint32_t mode = ins->count > 2 ? ins->words[2] : UINT32_MAX;
    switch (mode) {
    case SpvExecutionModeLocalSize:
    case SpvExecutionModeLocalSizeId:
    case SpvExecutionModeDenormFlushToZero:
    case SpvExecutionModeSignedZeroInfNanPreserve:
    case SpvExecutionModeRoundingModeRTE:
        return;
    default:
        finding(check, ins, "execution mode %" PRIu32 " is not one of those exact shaders may use",
                mode);
    }
}

static void check_arithmetic(struct check *check, const struct spirv_ins *ins)
{
    uint32_t result = spirv_result(ins);
    if (!check->ids.no_contraction[result])
        finding(check, ins, "not decorated NoContraction");
    if (ins->count < 5)
        return;
    for (uint32_t i = 3; i < 5; i++) {
        const char *literal = spirv_ids_banned_literal(&check->ids, ins->words[i]);
        if (literal)
            finding(check, ins, "operand %%%" PRIu32 " is %s: drivers fold it", ins->words[i],
                    literal);
        if (spirv_ids_is_undefined(&check->ids, ins->words[i]))
            finding(check, ins, "operand %%%" PRIu32 " is undefined: drivers choose its value",
                    ins->words[i]);
        if (ins->op != SpvOpFMul && spirv_ids_is_scaled(&check->ids, ins->words[i]))
            finding(check, ins,
                    "operand %%%" PRIu32 " is a product with a power of two: drivers fuse it",
                    ins->words[i]);
    }
    if (ins->op == SpvOpFSub && spirv_ids_is_same(&check->ids, ins->words[3], ins->words[4]))
        finding(check, ins, "x - x of one value: drivers fold it");
}

static void check_extended(struct check *check, const struct spirv_ins *ins)
{
    if (ins->count < 5 || ins->words[3] != check->ext_glsl)
        return;
    switch (ins->words[4]) {
    case GLSLstd450SAbs:
    case GLSLstd450SSign:
    case GLSLstd450UMin:
    case GLSLstd450SMin:
    case GLSLstd450UMax:
    case GLSLstd450SMax:
    case GLSLstd450UClamp:
    case GLSLstd450SClamp:
    case GLSLstd450FindILsb:
    case GLSLstd450FindSMsb:
    case GLSLstd450FindUMsb:
        return;
    default:
        finding(check, ins, "GLSL.std.450 instruction %" PRIu32 " is not one on integers",
                ins->words[4]);
    }
}

/* A literal that must not be an operand must not hide in an array either: drivers unroll loops and
 * promote variables, then fold. */
static void check_local_value(struct check *check, const struct spirv_ins *ins, uint32_t pointer,
                              uint32_t value)
{
    struct spirv_ins at = spirv_ids_def(&check->ids, pointer);
    struct spirv_ins type = spirv_ids_def(&check->ids, spirv_result_type(&at));
    if (type.op != SpvOpTypePointer || type.count < 4 ||
        (type.words[2] != SpvStorageClassFunction && type.words[2] != SpvStorageClassPrivate))
        return;
    const char *literal = spirv_ids_banned_literal(&check->ids, value);
    if (literal && spirv_ids_is_float(&check->ids, value))
        finding(check, ins, "%s in a local variable: drivers fold it into what uses it", literal);
}

/* Instructions that move floats and change none. */
static bool is_move(SpvOp op)
{
    switch ((int)op) {
    case SpvOpUndef:
    case SpvOpConstant:
    case SpvOpConstantComposite:
    case SpvOpConstantNull:
    case SpvOpSpecConstant:
    case SpvOpSpecConstantComposite:
    case SpvOpFunction:
    case SpvOpFunctionParameter:
    case SpvOpFunctionCall:
    case SpvOpVariable:
    case SpvOpLoad:
    case SpvOpStore:
    case SpvOpCopyObject:
    case SpvOpCopyLogical:
    case SpvOpCopyMemory:
    case SpvOpVectorExtractDynamic:
    case SpvOpVectorInsertDynamic:
    case SpvOpVectorShuffle:
    case SpvOpCompositeConstruct:
    case SpvOpCompositeExtract:
    case SpvOpCompositeInsert:
    case SpvOpBitcast:
    case SpvOpSelect:
    case SpvOpPhi:
    case SpvOpReturnValue:
    case SpvOpConvertSToF:
    case SpvOpConvertUToF:
    case SpvOpGroupNonUniformBroadcast:
    case SpvOpGroupNonUniformBroadcastFirst:
    case SpvOpGroupNonUniformShuffle:
    case SpvOpGroupNonUniformShuffleXor:
    case SpvOpGroupNonUniformShuffleUp:
    case SpvOpGroupNonUniformShuffleDown:
    case SpvOpGroupNonUniformQuadBroadcast:
    case SpvOpGroupNonUniformQuadSwap:
        return true;
    default:
        return false;
    }
}

/* Instructions whose operands are not (only) ids of values. */
static bool has_no_values(SpvOp op)
{
    switch ((int)op) {
    case SpvOpLabel:
    case SpvOpBranch:
    case SpvOpBranchConditional:
    case SpvOpSwitch:
    case SpvOpReturn:
    case SpvOpKill:
    case SpvOpUnreachable:
    case SpvOpLoopMerge:
    case SpvOpSelectionMerge:
    case SpvOpFunctionEnd:
    case SpvOpAccessChain:
    case SpvOpInBoundsAccessChain:
    case SpvOpArrayLength:
    case SpvOpConstantTrue:
    case SpvOpConstantFalse:
    case SpvOpSpecConstantTrue:
    case SpvOpSpecConstantFalse:
        return true;
    default:
        return op < SpvOpTypeVoid; /* names, sources, extensions, modes, capabilities */
    }
}

/* A read of a buffer: words[5], if there, is a mask and no id. Integers have no other operands. */
static void check_fetch(struct check *check, const struct spirv_ins *ins)
{
    const uint32_t extend = SpvImageOperandsZeroExtendMask | SpvImageOperandsSignExtendMask;

    if (spirv_ids_is_float(&check->ids, spirv_result(ins)) ||
        (ins->count > 5 && (ins->words[5] & ~extend)))
        finding(check, ins, "only plain reads of buffers of integers");
}

/* An instruction listed neither as move nor as arithmetic may not touch a float. */
static void check_other(struct check *check, const struct spirv_ins *ins)
{
    if (has_no_values(ins->op) || is_move(ins->op))
        return;
    bool touches = spirv_ids_is_float(&check->ids, spirv_result(ins));
    uint32_t from = spirv_result_type(ins) ? 3 : 1;
    bool subgroup =
        ins->op >= SpvOpGroupNonUniformIAdd && ins->op <= SpvOpGroupNonUniformLogicalXor;
    for (uint32_t i = from; i < ins->count && !touches; i++) {
        if (!(subgroup && i == 4) && !(ins->op == SpvOpSpecConstantOp && i == 3))
            touches = spirv_ids_is_float(&check->ids, ins->words[i]);
    }
    if (!touches)
        return;
    finding(check, ins,
            "float arithmetic in exact shaders is OpFAdd, OpFSub, OpFMul and integer "
            "to float conversion only");
}

static void check_place(struct check *check, const struct spirv_ins *ins)
{
    if (ins->op == SpvOpLine && ins->count > 2) {
        struct spirv_ins text = spirv_ids_def(&check->ids, ins->words[1]);
        check->file = text.op == SpvOpString ? spirv_text(&text, 2) : NULL;
        check->line = ins->words[2];
    } else if (ins->op == SpvOpNoLine || ins->op == SpvOpLabel || ins->op == SpvOpFunctionEnd) {
        check->file = NULL;
    }
}

static void check_instruction(struct check *check, const struct spirv_ins *ins)
{
    check_place(check, ins);
    bool type = (ins->op >= SpvOpTypeVoid && ins->op <= SpvOpTypeForwardPointer) ||
                ins->op == SpvOpTypeCooperativeMatrixNV;
    if (type)
        check_type(check, ins);
    else if (ins->op == SpvOpCapability)
        check_capability(check, ins);
    else if (ins->op == SpvOpDecorate || ins->op == SpvOpMemberDecorate)
        check_annotation(check, ins);
    else if (ins->op == SpvOpExecutionMode || ins->op == SpvOpExecutionModeId)
        check_mode(check, ins);
    else if (is_arithmetic(ins->op))
        check_arithmetic(check, ins);
    else if (ins->op == SpvOpExtInst)
        check_extended(check, ins);
    else if (ins->op == SpvOpImageFetch)
        check_fetch(check, ins);
    else
        check_other(check, ins);
    if (ins->op == SpvOpStore && ins->count > 2)
        check_local_value(check, ins, ins->words[1], ins->words[2]);
    if (ins->op == SpvOpVariable && ins->count > 4)
        check_local_value(check, ins, spirv_result(ins), ins->words[4]);
}

/* An import other than GLSL.std.450 and debug information may compute anything. */
static void check_import(struct check *check, const struct spirv_ins *ins)
{
    const char *set = spirv_text(ins, 2);
    if (set && strcmp(set, "GLSL.std.450") == 0)
        check->ext_glsl = spirv_result(ins);
    else if (!set || strncmp(set, "NonSemantic.", 12) != 0)
        finding(check, ins, "instruction set \"%s\" is not GLSL.std.450", set ? set : "?");
}

enum status spirv_exact_check(const struct spirv *module)
{
    struct check check = {0};
    enum status st = spirv_ids_init(&check.ids, module);
    if (st)
        return st;
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        if (ins.op == SpvOpExtInstImport)
            check_import(&check, &ins);
        else
            check_instruction(&check, &ins);
    }
    spirv_ids_finish(&check.ids);
    return check.findings == 0 ? STATUS_OK : STATUS_INPUT;
}

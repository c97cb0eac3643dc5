/* SPDX-License-Identifier: MIT */
/* What a compute shader says about its interface. */
#include "gpu/spirv_reflect.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gpu/spirv_ids.h"

#define NONE UINT32_MAX

/* Decorations of one id. */
struct notes {
    uint32_t set, binding, spec_id, builtin;
    bool aliased;
};

struct walk {
    struct spirv_reflect *out;
    struct spirv_ids ids;
    struct notes *notes; /* (bound) */
    const struct spirv *module;
};

static enum status refuse(const struct spirv *module, const char *what)
{
    log_error("%s: %s", module->name, what);
    return STATUS_INPUT;
}

/* Member offset, NONE if the type has none. */
static uint32_t member_offset(const struct spirv *module, uint32_t type, uint32_t member)
{
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        if (ins.op == SpvOpMemberDecorate && ins.count > 4 && ins.words[1] == type &&
            ins.words[2] == member && ins.words[3] == SpvDecorationOffset)
            return ins.words[4];
    }
    return NONE;
}

static uint32_t array_stride(const struct spirv *module, uint32_t type)
{
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);) {
        if (ins.op == SpvOpDecorate && ins.count > 3 && ins.words[1] == type &&
            ins.words[2] == SpvDecorationArrayStride)
            return ins.words[3];
    }
    return NONE;
}

/* Bytes of a type of a push constant block; 0 where it cannot be told. */
static uint32_t size_of(const struct walk *walk, uint32_t type)
{
    struct spirv_ins def = spirv_ids_def(&walk->ids, type);
    switch (def.op) {
    case SpvOpTypeInt:
    case SpvOpTypeFloat:
        return def.words[2] / 8;
    case SpvOpTypeVector:
        return def.words[3] * size_of(walk, def.words[2]);
    case SpvOpTypeArray: {
        struct spirv_ins length = spirv_ids_def(&walk->ids, def.words[3]);
        uint32_t stride = array_stride(walk->module, type);
        return length.op == SpvOpConstant && stride != NONE ? length.words[3] * stride : 0;
    }
    case SpvOpTypeStruct: {
        uint32_t end = 0;
        for (uint32_t i = 2; i < def.count; i++) {
            uint32_t offset = member_offset(walk->module, type, i - 2);
            uint32_t size = offset == NONE ? 0 : size_of(walk, def.words[i]);
            end = size && offset + size > end ? offset + size : end;
        }
        return end;
    }
    default:
        return 0;
    }
}

static void note(struct walk *walk, const struct spirv_ins *ins)
{
    if (ins->op != SpvOpDecorate || ins->words[1] >= walk->module->bound)
        return;
    struct notes *notes = &walk->notes[ins->words[1]];
    if (ins->words[2] == SpvDecorationAliased)
        notes->aliased = true;
    if (ins->count < 4)
        return;
    switch (ins->words[2]) {
    case SpvDecorationDescriptorSet:
        notes->set = ins->words[3];
        break;
    case SpvDecorationBinding:
        notes->binding = ins->words[3];
        break;
    case SpvDecorationSpecId:
        notes->spec_id = ins->words[3];
        break;
    case SpvDecorationBuiltIn:
        notes->builtin = ins->words[3];
        break;
    default:
        break;
    }
}

/* A sampled buffer of unsigned words, read by fetches. */
static bool is_texels(const struct walk *walk, uint32_t type)
{
    struct spirv_ins image = spirv_ids_def(&walk->ids, type);
    if (image.op != SpvOpTypeImage || image.count < 9 || image.words[3] != SpvDimBuffer)
        return false;
    struct spirv_ins element = spirv_ids_def(&walk->ids, image.words[2]);
    bool plain = image.words[4] != 1 && image.words[5] == 0 && image.words[6] == 0;
    return plain && image.words[7] == 1 && element.op == SpvOpTypeInt && element.words[3] == 0;
}

static enum status add_buffer(struct walk *walk, uint32_t id, bool texels)
{
    struct spirv_reflect *out = walk->out;
    if (walk->notes[id].set != 0 || walk->notes[id].binding >= SPIRV_REFLECT_BINDINGS) {
        out->other_resources = true;
        return STATUS_OK;
    }
    const uint32_t bit = 1u << walk->notes[id].binding;
    /* one buffer under two names, of which the driver knows, is one binding */
    const bool aliased = walk->notes[id].aliased, again = out->bindings & bit;
    if (again && (!aliased || !(out->aliased & bit) || texels || (out->texels & bit)))
        return refuse(walk->module, "two buffers at one binding");
    out->bindings |= bit;
    out->texels |= texels ? bit : 0;
    out->aliased |= aliased ? bit : 0;
    return STATUS_OK;
}

static enum status add_variable(struct walk *walk, const struct spirv_ins *ins)
{
    struct spirv_reflect *out = walk->out;
    uint32_t id = spirv_result(ins);
    struct spirv_ins pointer = spirv_ids_def(&walk->ids, ins->words[1]);
    switch (ins->words[3]) {
    case SpvStorageClassStorageBuffer:
        return add_buffer(walk, id, false);
    case SpvStorageClassPushConstant:
        out->push_size = pointer.op == SpvOpTypePointer ? size_of(walk, pointer.words[3]) : 0;
        if (out->push_size == 0)
            return refuse(walk->module, "a push constant block whose size cannot be told");
        break;
    case SpvStorageClassUniformConstant:
        if (pointer.op == SpvOpTypePointer && is_texels(walk, pointer.words[3]))
            return add_buffer(walk, id, true);
        out->other_resources = true;
        break;
    case SpvStorageClassUniform:
        out->other_resources = true;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

static enum status add_spec(struct walk *walk, uint32_t id)
{
    struct spirv_reflect *out = walk->out;
    if (walk->notes[id].spec_id == NONE)
        return STATUS_OK;
    if (out->spec_count == SPIRV_REFLECT_SPECS)
        return refuse(walk->module, "too many specialization constants");
    out->spec_ids[out->spec_count++] = walk->notes[id].spec_id;
    return STATUS_OK;
}

static void add_local_size(struct walk *walk, uint32_t axis, uint32_t id)
{
    struct spirv_ins def = spirv_ids_def(&walk->ids, id);
    if ((def.op != SpvOpConstant && def.op != SpvOpSpecConstant) || def.count < 4)
        return;
    walk->out->local_size[axis] = def.words[3];
    if (def.op == SpvOpSpecConstant)
        walk->out->local_size_id[axis] = walk->notes[id].spec_id;
}

static enum status visit(struct walk *walk, const struct spirv_ins *ins)
{
    struct spirv_reflect *out = walk->out;
    switch (ins->op) {
    case SpvOpEntryPoint:
        if (out->entry_point || ins->count < 4 || ins->words[1] != SpvExecutionModelGLCompute ||
            !spirv_text(ins, 3) || strcmp(spirv_text(ins, 3), "main") != 0)
            return refuse(walk->module, "expected one compute entry point, named main");
        out->entry_point = ins->words[2];
        break;
    case SpvOpExecutionMode:
        for (uint32_t i = 0; i < 3 && ins->count == 6; i++) {
            if (ins->words[2] == SpvExecutionModeLocalSize)
                out->local_size[i] = ins->words[3 + i];
        }
        break;
    case SpvOpSpecConstant:
    case SpvOpSpecConstantTrue:
    case SpvOpSpecConstantFalse:
        return add_spec(walk, spirv_result(ins));
    case SpvOpConstantComposite:
    case SpvOpSpecConstantComposite:
        if (ins->count == 6 && walk->notes[spirv_result(ins)].builtin == SpvBuiltInWorkgroupSize) {
            for (uint32_t i = 0; i < 3; i++)
                add_local_size(walk, i, ins->words[3 + i]);
        }
        break;
    case SpvOpVariable:
        return ins->count > 3 ? add_variable(walk, ins) : STATUS_OK;
    default:
        break;
    }
    return STATUS_OK;
}

enum status spirv_reflect(struct spirv_reflect *out, const struct spirv *module)
{
    struct walk walk = {.out = out, .module = module};
    *out = (struct spirv_reflect){
        .local_size_id = {SPIRV_REFLECT_LITERAL, SPIRV_REFLECT_LITERAL, SPIRV_REFLECT_LITERAL}};
    enum status st = spirv_ids_init(&walk.ids, module);
    if (st)
        return st;
    walk.notes = malloc(module->bound * sizeof(*walk.notes));
    if (!walk.notes) {
        log_error("%s: no memory for a table of %u ids", module->name, module->bound);
        st = STATUS_MEMORY;
        goto fail;
    }
    for (uint32_t i = 0; i < module->bound; i++)
        walk.notes[i] = (struct notes){NONE, NONE, NONE, NONE, false};
    for (struct spirv_ins ins = {0}; spirv_next(module, &ins);)
        note(&walk, &ins);
    for (struct spirv_ins ins = {0}; !st && spirv_next(module, &ins);)
        st = visit(&walk, &ins);
    if (!st && !out->entry_point)
        st = refuse(module, "no compute entry point");
fail:
    free(walk.notes);
    spirv_ids_finish(&walk.ids);
    return st;
}

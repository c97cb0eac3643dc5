/* SPDX-License-Identifier: MIT */
/* Kernels: the shader's interface compared, its constants set, the pipeline made. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"
#include "gpu/kernel_branches.h"
#include "gpu/kernel_constants.h"
#include "gpu/kernel_patch.h"
#include "gpu/kernel_shared.h"
#include "gpu/spirv.h"
#include "gpu/spirv_reflect.h"

/* What kernel_create works on. */
struct build {
    struct kernel *kernel;
    const struct kernel_params *params;
    struct spirv module;
    struct spirv_reflect reflect;
    uint32_t *words; /* owned; the module as the driver gets it */
    size_t count;
};

static const char *name_of(const struct build *b)
{
    return b->params->code->name;
}

static bool has_id(const uint32_t *ids, uint32_t count, uint32_t id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

static enum status differ(const struct build *b, const char *what, uint32_t found,
                          uint32_t expected)
{
    log_error("shader %s: %s is %#" PRIx32 ", the host expects %#" PRIx32, name_of(b), what, found,
              expected);
    return STATUS_INTERNAL;
}

static enum status compare_specs(const struct build *b)
{
    const struct kernel_layout *layout = &b->params->layout;
    const struct spirv_reflect *r = &b->reflect;
    for (uint32_t i = 0; i < r->spec_count; i++) {
        if (!has_id(layout->spec_ids, layout->spec_count, r->spec_ids[i]))
            return differ(b, "a specialization id the host does not know", r->spec_ids[i], 0);
    }
    for (uint32_t i = 0; i < layout->spec_count; i++) {
        if (!has_id(r->spec_ids, r->spec_count, layout->spec_ids[i]))
            return differ(b, "a specialization id the shader does not have", 0,
                          layout->spec_ids[i]);
    }
    for (uint32_t i = 0; i < b->params->constant_count; i++) {
        if (!has_id(r->spec_ids, r->spec_count, b->params->constants[i].id))
            return differ(b, "a constant that is set, of an id the shader does not have", 0,
                          b->params->constants[i].id);
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (r->local_size_id[i] != layout->local_size_id[i])
            return differ(b, "the specialization id of a local size", r->local_size_id[i],
                          layout->local_size_id[i]);
    }
    return STATUS_OK;
}

static enum status compare(const struct build *b)
{
    const struct kernel_layout *layout = &b->params->layout;
    const struct spirv_reflect *r = &b->reflect;
    const struct gpu_info *info = &b->kernel->gpu->info;
    if (layout->bindings >> KERNEL_BINDINGS_MAX)
        return differ(b, "the largest set of bindings", (1u << KERNEL_BINDINGS_MAX) - 1,
                      layout->bindings);
    if (r->bindings != layout->bindings)
        return differ(b, "the set of buffer bindings", r->bindings, layout->bindings);
    if (r->texels != layout->texels)
        return differ(b, "the set of texel buffer bindings", r->texels, layout->texels);
    if (r->other_resources)
        return differ(b, "a resource that is no storage or texel buffer of set 0", 1, 0);
    if (r->push_size != layout->push_size)
        return differ(b, "the size of the push constants", r->push_size, layout->push_size);
    uint32_t texels = (uint32_t)__builtin_popcount(layout->texels);
    uint32_t storage = (uint32_t)__builtin_popcount(layout->bindings) - texels;
    if (layout->push_size > info->max_push_size || texels > info->max_texel_bindings ||
        storage > info->max_bindings) {
        log_error("%s: shader %s needs %" PRIu32 " bytes of push constants, %" PRIu32
                  " storage and %" PRIu32 " texel bindings, the device has %" PRIu32 ", %" PRIu32
                  " and %" PRIu32,
                  info->name, name_of(b), layout->push_size, storage, texels, info->max_push_size,
                  info->max_bindings, info->max_texel_bindings);
        return STATUS_DEVICE;
    }
    return compare_specs(b);
}

static enum status check_size(const struct build *b)
{
    struct kernel *kernel = b->kernel;
    const struct gpu_info *info = &kernel->gpu->info;
    const uint32_t *size = kernel->local_size;
    uint64_t all = (uint64_t)size[0] * size[1] * size[2];
    uint32_t subgroup = b->params->subgroup_size;
    if (size[0] > info->max_group_size[0] || size[1] > info->max_group_size[1] ||
        size[2] > info->max_group_size[2] || all > info->max_group_invocations || all == 0) {
        log_error("%s: shader %s: workgroup of %" PRIu32 " x %" PRIu32 " x %" PRIu32
                  ", the device allows %" PRIu32 " x %" PRIu32 " x %" PRIu32 " and %" PRIu32
                  " together",
                  info->name, name_of(b), size[0], size[1], size[2], info->max_group_size[0],
                  info->max_group_size[1], info->max_group_size[2], info->max_group_invocations);
        return STATUS_DEVICE;
    }
    if (subgroup && (subgroup < info->min_subgroup_size || subgroup > info->max_subgroup_size)) {
        log_error("%s: shader %s: subgroups of %" PRIu32 " asked for, the device has %" PRIu32
                  "..%" PRIu32,
                  info->name, name_of(b), subgroup, info->min_subgroup_size,
                  info->max_subgroup_size);
        return STATUS_DEVICE;
    }
    if (subgroup && size[0] % subgroup != 0)
        return differ(b, "workgroup width, no multiple of the subgroup size", size[0], subgroup);
    return STATUS_OK;
}

/* Of the module as the device gets it: constants and what depends on them are known. */
static enum status check_shared(const struct build *b)
{
    const struct gpu_info *info = &b->kernel->gpu->info;
    struct spirv module;
    uint64_t bytes;
    enum status st = spirv_init(&module, b->words, b->count, name_of(b));
    st = st ? st : kernel_shared(&module, &bytes);
    if (st || bytes <= info->max_shared_size)
        return st;
    log_error("%s: shader %s: %" PRIu64 " bytes of workgroup memory, the device allows %" PRIu32,
              info->name, name_of(b), bytes, info->max_shared_size);
    return STATUS_DEVICE;
}

static enum status read_module(struct build *b)
{
    const struct shader_code *code = b->params->code;
    struct kernel *kernel = b->kernel;
    enum status st = spirv_init(&b->module, code->words, code->size / 4, code->name);
    if (st || (st = spirv_reflect(&b->reflect, &b->module)) != STATUS_OK ||
        (st = compare(b)) != STATUS_OK)
        return st == STATUS_INPUT ? STATUS_INTERNAL : st;
    kernel->aliased = b->reflect.aliased;
    for (uint32_t i = 0; i < 3; i++) {
        kernel->local_size[i] = b->reflect.local_size[i];
        for (uint32_t c = 0; c < b->params->constant_count; c++) {
            if (b->reflect.local_size_id[i] != SPIRV_REFLECT_LITERAL &&
                b->params->constants[c].id == b->reflect.local_size_id[i])
                kernel->local_size[i] = b->params->constants[c].value;
        }
    }
    const struct gpu_float_controls none = {0};
    st = check_size(b);
    if (!st)
        st = kernel_patch(&b->words, &b->count, &b->module, b->reflect.entry_point,
                          code->exact ? &kernel->gpu->info.float_controls : &none);
    if (!st)
        st = kernel_constants(b->words, &b->count, code->name, b->params->constants,
                              b->params->constant_count);
    st = st ? st : kernel_branches(b->words, &b->count, code->name);
    return st ? st : check_shared(b);
}

static enum status make_pipeline(struct build *b, VkShaderModule module, VkPipeline *out)
{
    struct kernel *kernel = b->kernel;
    struct gpu *gpu = kernel->gpu;
    const struct kernel_params *params = b->params;
    enum status st = STATUS_OK;
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = params->subgroup_size,
    };
    const VkPipelineCreateFlags capture =
        VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
        VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = kernel->captured ? capture : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = params->subgroup_size ? &subgroup : NULL,
                  .flags = params->subgroup_size
                               ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT
                               : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main"},
        .layout = kernel->layout,
    };
    VK(gpu->vk.vkCreateComputePipelines(gpu->device, gpu->cache, 1, &info, NULL, out));
    gpu->compiled = true;
fail:
    return st;
}

static enum status compile(struct build *b, VkPipeline *out)
{
    struct gpu *gpu = b->kernel->gpu;
    VkShaderModule module = VK_NULL_HANDLE;
    enum status st = STATUS_OK;
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = b->count * 4,
        .pCode = b->words,
    };
    VK(gpu->vk.vkCreateShaderModule(gpu->device, &info, NULL, &module));
    st = make_pipeline(b, module, out);
fail:
    gpu->vk.vkDestroyShaderModule(gpu->device, module, NULL);
    return st;
}

/* Layout and pipeline; one that the device has already is not compiled again. */
static enum status make(struct build *b)
{
    struct kernel *kernel = b->kernel;
    const struct gpu_pipeline_key key = {b->words, b->count, b->params->subgroup_size};
    struct gpu_layouts layouts;
    VkPipeline *kept;
    enum status st = gpu_sets_layouts(kernel->gpu, kernel->shape, &layouts);
    if (st)
        return st;
    kernel->layout = layouts.pipeline;
    if (kernel->captured)
        return compile(b, &kernel->pipeline);
    st = gpu_pipelines_find(kernel->gpu, &key, &kept);
    if (!st && !*kept)
        st = compile(b, kept);
    kernel->pipeline = st ? VK_NULL_HANDLE : *kept;
    return st;
}

enum status kernel_create(struct kernel **out, struct gpu *gpu, const struct kernel_params *params)
{
    struct build build = {.params = params};
    *out = NULL;
    enum status st = gpu_check(gpu);
    if (st)
        return st;
    struct kernel *kernel = calloc(1, sizeof(*kernel));
    if (!kernel) {
        log_error("no memory for kernel %s", params->code->name);
        return STATUS_MEMORY;
    }
    *kernel = (struct kernel){
        .gpu = gpu,
        .name = params->code->name,
        .shape = {params->layout.bindings, params->layout.texels, params->layout.push_size},
        .captured = params->capture && gpu->info.statistics,
    };
    build.kernel = kernel;
    st = read_module(&build);
    if (!st)
        st = make(&build);
    free(build.words);
    if (st)
        kernel_destroy(&kernel);
    *out = kernel;
    return st;
}

void kernel_destroy(struct kernel **kernel)
{
    struct kernel *k = *kernel;
    *kernel = NULL;
    if (!k || k->gpu->abandoned)
        return;
    k->gpu->generation++;
    if (k->captured)
        k->gpu->vk.vkDestroyPipeline(k->gpu->device, k->pipeline, NULL);
    free(k);
}

const char *kernel_name(const struct kernel *kernel)
{
    return kernel->name;
}

void kernel_local_size(const struct kernel *kernel, uint32_t out[3])
{
    for (uint32_t i = 0; i < 3; i++)
        out[i] = kernel->local_size[i];
}

/* SPDX-License-Identifier: MIT */
/* What a driver tells about a compiled kernel: registers, instruction counts, ISA. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

#define STATISTICS_MAX 64
#define TEXTS_MAX 16

static enum status put_statistic(struct text *out, const char *stage,
                                 const VkPipelineExecutableStatisticKHR *s)
{
    switch (s->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return text_addf(out, "%s/%s = %s\n", stage, s->name, s->value.b32 ? "true" : "false");
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        return text_addf(out, "%s/%s = %" PRId64 "\n", stage, s->name, s->value.i64);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        return text_addf(out, "%s/%s = %" PRIu64 "\n", stage, s->name, s->value.u64);
    default:
        return text_addf(out, "%s/%s = %g\n", stage, s->name, s->value.f64);
    }
}

static enum status put_statistics(struct gpu *gpu, const VkPipelineExecutableInfoKHR *which,
                                  const char *stage, struct text *out)
{
    VkPipelineExecutableStatisticKHR s[STATISTICS_MAX];
    uint32_t count = STATISTICS_MAX;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < STATISTICS_MAX; i++)
        s[i] = (VkPipelineExecutableStatisticKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    VkResult result = gpu->vk.vkGetPipelineExecutableStatisticsKHR(gpu->device, which, &count, s);
    if (result != VK_INCOMPLETE)
        VK(result);
    for (uint32_t i = 0; i < count && !st; i++)
        st = put_statistic(out, stage, &s[i]);
fail:
    return st;
}

static enum status put_texts(struct gpu *gpu, const VkPipelineExecutableInfoKHR *which,
                             struct text *out)
{
    VkPipelineExecutableInternalRepresentationKHR t[TEXTS_MAX];
    uint32_t count = TEXTS_MAX;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < TEXTS_MAX; i++)
        t[i] = (VkPipelineExecutableInternalRepresentationKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR};
    /* The first call gives sizes, the second values. */
    VkResult result =
        gpu->vk.vkGetPipelineExecutableInternalRepresentationsKHR(gpu->device, which, &count, t);
    if (result != VK_INCOMPLETE)
        VK(result);
    for (uint32_t i = 0; i < count; i++) {
        t[i].pData = calloc(1, t[i].dataSize + 1);
        if (!t[i].pData) {
            log_error("no memory for %zu bytes of a kernel's text", t[i].dataSize);
            st = STATUS_MEMORY;
            goto fail;
        }
    }
    result =
        gpu->vk.vkGetPipelineExecutableInternalRepresentationsKHR(gpu->device, which, &count, t);
    if (result != VK_INCOMPLETE)
        VK(result);
    for (uint32_t i = 0; i < count && !st; i++) {
        if (t[i].isText)
            st = text_addf(out, "# %s\n%s\n", t[i].name, (const char *)t[i].pData);
    }
fail:
    for (uint32_t i = 0; i < TEXTS_MAX; i++)
        free(t[i].pData);
    return st;
}

enum status kernel_statistics(const struct kernel *kernel, struct text *out)
{
    struct gpu *gpu = kernel->gpu;
    enum status st = STATUS_OK;
    VkPipelineExecutablePropertiesKHR property[TEXTS_MAX];
    uint32_t count = TEXTS_MAX;
    if (!kernel->captured) {
        log_error("%s: kernel %s was created without capture, or the driver tells nothing",
                  gpu->info.name, kernel->name);
        return STATUS_DEVICE;
    }
    for (uint32_t i = 0; i < TEXTS_MAX; i++)
        property[i] = (VkPipelineExecutablePropertiesKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    const VkPipelineInfoKHR pipeline = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR,
                                        .pipeline = kernel->pipeline};
    VkResult result =
        gpu->vk.vkGetPipelineExecutablePropertiesKHR(gpu->device, &pipeline, &count, property);
    if (result != VK_INCOMPLETE)
        VK(result);
    for (uint32_t i = 0; i < count && !st; i++) {
        const VkPipelineExecutableInfoKHR which = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
            .pipeline = kernel->pipeline,
            .executableIndex = i,
        };
        st = put_statistics(gpu, &which, property[i].name, out);
        if (!st)
            st = put_texts(gpu, &which, out);
    }
fail:
    return st;
}

/* SPDX-License-Identifier: MIT */
/* One device: chosen, opened, closed. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

/* Finds the listed device in this process's own instance. */
static enum status find(struct gpu *gpu)
{
    VkPhysicalDevice devices[GPU_LIST_MAX];
    size_t count = 0;
    enum status st = gpu_instance_devices(&gpu->instance, devices, &count);
    if (st)
        return st;
    for (size_t i = 0; i < count; i++) {
        struct gpu_info info;
        gpu_info_read(&info, devices[i]);
        if (i != gpu->info.index || strcmp(info.uuid, gpu->info.uuid) != 0)
            continue;
        gpu->physical = devices[i];
        return STATUS_OK;
    }
    log_error("%s: device %u is no longer there", gpu->info.name, gpu->info.index);
    return STATUS_DEVICE;
}

/* The optional features of a device, chained, and their extensions. */
struct features {
    VkPhysicalDeviceFeatures2 all;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT size;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable;
    const char *extension[2];
    uint32_t n;
};

/* Those that the device has; the info then says so too. */
static void find_features(struct features *out, struct gpu *gpu)
{
    *out = (struct features){
        .all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .size.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
        .executable.sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
    if (gpu->info.max_subgroup_size > 0) {
        out->extension[out->n++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
        out->size.pNext = out->all.pNext;
        out->all.pNext = &out->size;
    }
    if (gpu->info.statistics) {
        out->extension[out->n++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
        out->executable.pNext = out->all.pNext;
        out->all.pNext = &out->executable;
    }
    vkGetPhysicalDeviceFeatures2(gpu->physical, &out->all);
    out->all.features = (VkPhysicalDeviceFeatures){0};
    if (!out->size.subgroupSizeControl || !out->size.computeFullSubgroups)
        gpu->info.min_subgroup_size = gpu->info.max_subgroup_size = 0;
    gpu->info.statistics = out->executable.pipelineExecutableInfo;
}

static enum status make_device(struct gpu *gpu)
{
    enum status st = STATUS_OK;
    VkQueueFamilyProperties family = {0};
    struct features features;
    find_features(&features, gpu);
    gpu->family = gpu_info_family(gpu->physical, &family);
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = gpu->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features.all,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = features.n,
        .ppEnabledExtensionNames = features.extension,
    };
    VK(vkCreateDevice(gpu->physical, &info, NULL, &gpu->device));
    volkLoadDeviceTable(&gpu->vk, gpu->device);
    gpu->vk.vkGetDeviceQueue(gpu->device, gpu->family, 0, &gpu->queue);
    gpu->timestamp_mask = family.timestampValidBits >= 64
                              ? UINT64_MAX
                              : (UINT64_C(1) << family.timestampValidBits) - 1;
fail:
    return st;
}

static void read_properties(struct gpu *gpu)
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(gpu->physical, &properties);
    gpu->timestamp_seconds = (double)properties.limits.timestampPeriod * 1e-9;
    vkGetPhysicalDeviceMemoryProperties(gpu->physical, &gpu->memory);
}

enum status gpu_open(struct gpu **out, const struct gpu_params *params)
{
    static const struct gpu_params defaults;
    struct gpu_list *list = NULL;
    size_t index = 0;
    enum status st = STATUS_MEMORY;
    params = params ? params : &defaults;
    *out = NULL;
    struct gpu *gpu = calloc(1, sizeof(*gpu));
    list = calloc(1, sizeof(*list));
    if (!gpu || !list) {
        log_error("no memory to open a device");
        goto fail;
    }
    if ((st = gpu_list(list, params)) != STATUS_OK ||
        (st = gpu_list_choose(list, params->selector, &index)) != STATUS_OK)
        goto fail;
    gpu->info = list->item[index];
    gpu->info.host_visible &= !params->unmapped;
    gpu->compile_only = params->compile_only;
    gpu->memory_limit = params->memory_limit;
    if ((st = gpu_instance_init(&gpu->instance, params)) != STATUS_OK ||
        (st = find(gpu)) != STATUS_OK || (st = make_device(gpu)) != STATUS_OK ||
        (st = gpu_cache_init(gpu, params->kernel_folder)) != STATUS_OK)
        goto fail;
    read_properties(gpu);
    free(list);
    *out = gpu;
    return STATUS_OK;
fail:
    free(list);
    gpu_close(&gpu);
    return st;
}

static void finish_device(struct gpu *gpu)
{
    /* RADV without hardware crashes when it is asked to wait. */
    if (!gpu->lost && !gpu->compile_only)
        gpu->vk.vkDeviceWaitIdle(gpu->device);
    stream_destroy(&gpu->transfer);
    gpu_buffer_destroy(&gpu->staging);
    gpu_pipelines_finish(gpu);
    gpu_sets_finish(gpu);
    gpu_cache_finish(gpu);
    gpu->vk.vkDestroyDevice(gpu->device, NULL);
}

void gpu_close(struct gpu **gpu)
{
    struct gpu *g = *gpu;
    *gpu = NULL;
    /* Work in flight may still touch what would be freed: the end of the process frees it. */
    if (!g || g->abandoned)
        return;
    if (g->device)
        finish_device(g);
    gpu_instance_finish(&g->instance);
    free(g->cache_path);
    free(g);
}

const struct gpu_info *gpu_get_info(const struct gpu *gpu)
{
    return &gpu->info;
}

uint32_t gpu_validation_messages(const struct gpu *gpu)
{
    return atomic_load(&gpu->instance.messages);
}

bool gpu_is_lost(const struct gpu *gpu)
{
    return gpu->lost;
}

uint64_t gpu_memory_used(const struct gpu *gpu)
{
    return gpu->memory_used;
}

uint64_t gpu_memory_peak(const struct gpu *gpu)
{
    return gpu->memory_peak;
}

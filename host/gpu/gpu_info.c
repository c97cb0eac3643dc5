/* SPDX-License-Identifier: MIT */
/* What a physical device says about itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu_internal.h"

#define FAMILIES_MAX 16

/* All queries, in one chain. */
struct answers {
    VkPhysicalDeviceProperties2 base;
    VkPhysicalDeviceIDProperties id;
    VkPhysicalDeviceMaintenance3Properties maintenance3;
    VkPhysicalDeviceMaintenance4Properties maintenance4; /* Vulkan 1.3 */
    VkPhysicalDeviceSubgroupProperties subgroup;
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT subgroup_size;
    VkPhysicalDeviceDriverProperties driver;
    VkPhysicalDeviceFloatControlsProperties floats;
    VkPhysicalDevicePCIBusInfoPropertiesEXT pci;
};

/* What a device has beyond Vulkan 1.2. */
struct extras {
    bool v1_3, size, pci;
};

static void ask(struct answers *a, VkPhysicalDevice physical, struct extras has)
{
    *a = (struct answers){
        .base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .id.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
        .maintenance3.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
        .maintenance4.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
        .subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
        .subgroup_size.sType =
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT,
        .driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
        .floats.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES,
        .pci.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT,
    };
    a->base.pNext = &a->id;
    a->id.pNext = &a->maintenance3;
    a->maintenance3.pNext = &a->subgroup;
    a->subgroup.pNext = &a->driver;
    a->driver.pNext = &a->floats;
    void **end = &a->floats.pNext;
    if (has.v1_3) {
        *end = &a->maintenance4;
        end = &a->maintenance4.pNext;
    }
    if (has.pci) {
        *end = &a->pci;
        end = &a->pci.pNext;
    }
    if (has.size)
        *end = &a->subgroup_size;
    vkGetPhysicalDeviceProperties2(physical, &a->base);
}

static void read_limits(struct gpu_info *out, const VkPhysicalDeviceLimits *limits)
{
    out->max_storage_range = limits->maxStorageBufferRange;
    out->storage_alignment = (uint32_t)limits->minStorageBufferOffsetAlignment;
    out->max_push_size = limits->maxPushConstantsSize;
    out->max_shared_size = limits->maxComputeSharedMemorySize;
    out->max_bindings = limits->maxPerStageDescriptorStorageBuffers;
    if (out->max_bindings > limits->maxDescriptorSetStorageBuffers)
        out->max_bindings = limits->maxDescriptorSetStorageBuffers;
    out->max_texels = limits->maxTexelBufferElements;
    out->texel_alignment = (uint32_t)limits->minTexelBufferOffsetAlignment;
    out->max_texel_bindings = limits->maxPerStageDescriptorSampledImages;
    if (out->max_texel_bindings > limits->maxDescriptorSetSampledImages)
        out->max_texel_bindings = limits->maxDescriptorSetSampledImages;
    out->max_group_invocations = limits->maxComputeWorkGroupInvocations;
    memcpy(out->max_group_count, limits->maxComputeWorkGroupCount, sizeof(out->max_group_count));
    memcpy(out->max_group_size, limits->maxComputeWorkGroupSize, sizeof(out->max_group_size));
}

static void read_texels(struct gpu_info *out, VkPhysicalDevice physical)
{
    VkFormatProperties format;
    vkGetPhysicalDeviceFormatProperties(physical, GPU_TEXEL_FORMAT, &format);
    if (!(format.bufferFeatures & VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT))
        out->max_texels = out->max_texel_bindings = 0;
}

static void read_memory(struct gpu_info *out, VkPhysicalDevice physical)
{
    VkPhysicalDeviceMemoryProperties memory;
    const VkMemoryPropertyFlags direct = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
                                         VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            memory.memoryHeaps[i].size > out->memory_size)
            out->memory_size = memory.memoryHeaps[i].size;
    }
    /* A discrete GPU's window into its memory is left alone: copies by the device are as quick. */
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
        if ((memory.memoryTypes[i].propertyFlags & direct) == direct)
            out->host_visible = out->kind == GPU_KIND_CPU || out->kind == GPU_KIND_INTEGRATED;
    }
}

static enum gpu_kind kind_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return GPU_KIND_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return GPU_KIND_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return GPU_KIND_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return GPU_KIND_CPU;
    default:
        return GPU_KIND_OTHER;
    }
}

static void read_subgroups(struct gpu_info *out, const struct answers *a, bool has_size)
{
    out->subgroup_size = a->subgroup.subgroupSize;
    out->subgroup_operations = a->subgroup.supportedOperations;
    if (has_size && (a->subgroup_size.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) {
        out->min_subgroup_size = a->subgroup_size.minSubgroupSize;
        out->max_subgroup_size = a->subgroup_size.maxSubgroupSize;
    }
}

void gpu_info_read(struct gpu_info *out, VkPhysicalDevice physical)
{
    struct answers a;
    VkPhysicalDeviceProperties properties;
    VkQueueFamilyProperties family = {0};
    vkGetPhysicalDeviceProperties(physical, &properties);
    const struct extras has = {
        .v1_3 = properties.apiVersion >= VK_API_VERSION_1_3,
        .size = gpu_info_has_extension(physical, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME),
        .pci = gpu_info_has_extension(physical, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME),
    };
    ask(&a, physical, has);
    *out = (struct gpu_info){
        .vendor_id = properties.vendorID,
        .device_id = properties.deviceID,
        .driver_version = properties.driverVersion,
        .api_version = properties.apiVersion,
        .kind = kind_of(properties.deviceType),
        .max_alloc = a.maintenance3.maxMemoryAllocationSize,
        .float_controls = {.denorm_preserve = a.floats.shaderDenormPreserveFloat32,
                           .denorm_flush_to_zero = a.floats.shaderDenormFlushToZeroFloat32,
                           .rounding_rte = a.floats.shaderRoundingModeRTEFloat32,
                           .rounding_rtz = a.floats.shaderRoundingModeRTZFloat32,
                           .signed_zero_inf_nan_preserve =
                               a.floats.shaderSignedZeroInfNanPreserveFloat32},
        .statistics =
            gpu_info_has_extension(physical, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME),
    };
    if (has.v1_3 && a.maintenance4.maxBufferSize && a.maintenance4.maxBufferSize < out->max_alloc)
        out->max_alloc = a.maintenance4.maxBufferSize;
    snprintf(out->name, sizeof(out->name), "%s", properties.deviceName);
    snprintf(out->driver_name, sizeof(out->driver_name), "%s", a.driver.driverName);
    snprintf(out->driver_info, sizeof(out->driver_info), "%s", a.driver.driverInfo);
    for (size_t i = 0; i < VK_UUID_SIZE; i++)
        snprintf(out->uuid + 2 * i, 3, "%02x", a.id.deviceUUID[i]);
    if (has.pci)
        snprintf(out->pci, sizeof(out->pci), "%04x:%02x:%02x.%x", a.pci.pciDomain & 0xffffu,
                 a.pci.pciBus & 0xffu, a.pci.pciDevice & 0xffu, a.pci.pciFunction & 0xfu);
    read_limits(out, &properties.limits);
    read_texels(out, physical);
    read_memory(out, physical);
    read_subgroups(out, &a, has.size);
    gpu_info_family(physical, &family);
    out->timestamps = family.timestampValidBits > 0;
}

bool gpu_info_has_extension(VkPhysicalDevice physical, const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL) != VK_SUCCESS)
        return false;
    VkExtensionProperties *all = calloc(count + 1, sizeof(*all));
    bool found = false;
    if (all && vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all) == VK_SUCCESS) {
        for (uint32_t i = 0; i < count && !found; i++)
            found = strcmp(all[i].extensionName, name) == 0;
    }
    free(all);
    return found;
}

/* A family without graphics shares neither the desktop's time nor its watchdog. */
uint32_t gpu_info_family(VkPhysicalDevice physical, VkQueueFamilyProperties *out)
{
    VkQueueFamilyProperties family[FAMILIES_MAX];
    uint32_t count = FAMILIES_MAX, best = UINT32_MAX;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, family);
    for (uint32_t i = count; i-- > 0;) {
        const bool graphics = family[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;
        if (!(family[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || family[i].queueCount == 0)
            continue;
        if (best == UINT32_MAX || !graphics || (family[best].queueFlags & VK_QUEUE_GRAPHICS_BIT))
            best = i;
    }
    if (out && best != UINT32_MAX)
        *out = family[best];
    return best;
}

const char *gpu_kind_name(enum gpu_kind kind)
{
    switch (kind) {
    case GPU_KIND_INTEGRATED:
        return "integrated";
    case GPU_KIND_DISCRETE:
        return "discrete";
    case GPU_KIND_VIRTUAL:
        return "virtual";
    case GPU_KIND_CPU:
        return "cpu";
    case GPU_KIND_OTHER:
        break;
    }
    return "other";
}

const char *gpu_describe(const struct gpu_info *info, char *text, size_t size)
{
    snprintf(text, size, "%s, %s, %s%s%s, Vulkan %" PRIu32 ".%" PRIu32 ".%" PRIu32, info->name,
             gpu_kind_name(info->kind), info->driver_name, info->driver_info[0] ? " " : "",
             info->driver_info, VK_API_VERSION_MAJOR(info->api_version),
             VK_API_VERSION_MINOR(info->api_version), VK_API_VERSION_PATCH(info->api_version));
    return text;
}

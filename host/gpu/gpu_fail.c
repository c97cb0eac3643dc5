/* SPDX-License-Identifier: MIT */
/* From a Vulkan result to one logged line and a status. */
#include <string.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

const char *gpu_result_name(VkResult result)
{
#define NAME(name)                                                                                 \
    case name:                                                                                     \
        return #name;
    switch (result) {
        NAME(VK_SUCCESS)
        NAME(VK_NOT_READY)
        NAME(VK_TIMEOUT)
        NAME(VK_INCOMPLETE)
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY)
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY)
        NAME(VK_ERROR_INITIALIZATION_FAILED)
        NAME(VK_ERROR_DEVICE_LOST)
        NAME(VK_ERROR_MEMORY_MAP_FAILED)
        NAME(VK_ERROR_LAYER_NOT_PRESENT)
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
        NAME(VK_ERROR_FEATURE_NOT_PRESENT)
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
        NAME(VK_ERROR_TOO_MANY_OBJECTS)
        NAME(VK_ERROR_FRAGMENTED_POOL)
        NAME(VK_ERROR_UNKNOWN)
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY)
        NAME(VK_ERROR_FRAGMENTATION)
        NAME(VK_ERROR_INVALID_SHADER_NV)
        NAME(VK_ERROR_NOT_PERMITTED_KHR)
    default:
        return "unknown VkResult";
    }
#undef NAME
}

enum status gpu_fail(struct gpu *gpu, VkResult result, const char *call, const char *file, int line)
{
    const char *base = strrchr(file, '/');
    const char *function = strncmp(call, "gpu->vk.", 8) == 0 ? call + 8 : call;
    log_error("%s%s%s: %s (%d) at %s:%d", gpu ? gpu->info.name : "", gpu ? ": " : "", function,
              gpu_result_name(result), (int)result, base ? base + 1 : file, line);
    switch (result) {
    case VK_ERROR_DEVICE_LOST:
        if (gpu)
            gpu->lost = true;
        return STATUS_DEVICE_LOST;
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_MEMORY_MAP_FAILED:
        return STATUS_DEVICE_MEMORY;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return STATUS_MEMORY;
    default:
        return STATUS_DEVICE;
    }
}

enum status gpu_check(const struct gpu *gpu)
{
    if (!gpu->lost)
        return STATUS_OK;
    log_error("%s: the device was lost; it must be opened again in a new process", gpu->info.name);
    return STATUS_DEVICE_LOST;
}

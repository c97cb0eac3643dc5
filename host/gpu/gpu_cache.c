/* SPDX-License-Identifier: MIT */
/* Compiled kernels kept in a file between runs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "gpu/gpu_internal.h"

/* A cache of another device or driver is not offered: some drivers trust what they are given. */
static bool fits(const struct gpu *gpu, const char *bytes, size_t size)
{
    VkPipelineCacheHeaderVersionOne head;
    VkPhysicalDeviceProperties properties;
    if (size < sizeof(head))
        return false;
    memcpy(&head, bytes, sizeof(head));
    vkGetPhysicalDeviceProperties(gpu->physical, &properties);
    return head.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           head.vendorID == properties.vendorID && head.deviceID == properties.deviceID &&
           memcmp(head.pipelineCacheUUID, properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

enum status gpu_cache_init(struct gpu *gpu, const char *path)
{
    enum status st = STATUS_OK;
    struct arena arena = {0};
    char *bytes = NULL;
    size_t size = 0;
    if (path && !(gpu->cache_path = strdup(path))) {
        log_error("no memory for the path of the kernel cache");
        return STATUS_MEMORY;
    }
    if (path && access(path, R_OK) == 0 && file_read(&arena, path, &bytes, &size) != STATUS_OK)
        size = 0;
    if (size > 0 && !fits(gpu, bytes, size)) {
        log_debug("%s: a kernel cache of another device or driver, made anew", path);
        size = 0;
    }
    const VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size,
        .pInitialData = size ? bytes : NULL,
    };
    VK(gpu->vk.vkCreatePipelineCache(gpu->device, &info, NULL, &gpu->cache));
fail:
    arena_finish(&arena);
    return st;
}

/* A cache that cannot be written costs time in the next run, nothing else. */
static void keep(struct gpu *gpu)
{
    size_t size = 0;
    if (gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &size, NULL) != VK_SUCCESS ||
        size <= sizeof(VkPipelineCacheHeaderVersionOne))
        return;
    void *bytes = malloc(size);
    if (bytes &&
        gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &size, bytes) == VK_SUCCESS &&
        file_write(gpu->cache_path, bytes, size) != STATUS_OK)
        log_warn("%s: the kernel cache is not kept", gpu->cache_path);
    free(bytes);
}

void gpu_cache_finish(struct gpu *gpu)
{
    if (gpu->cache && gpu->cache_path && !gpu->lost)
        keep(gpu);
    gpu->vk.vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
    gpu->cache = VK_NULL_HANDLE;
}

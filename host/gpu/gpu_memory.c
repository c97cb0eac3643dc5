/* SPDX-License-Identifier: MIT */
/* Where the memory of a buffer comes from: types by preference, each heap with its own account. */
#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

#define CHOICES 4

static const VkMemoryPropertyFlags LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
static const VkMemoryPropertyFlags VISIBLE =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
static const VkMemoryPropertyFlags CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
/* Of features that are not switched on, or for other uses. */
static const VkMemoryPropertyFlags NEVER =
    VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
    VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;

static enum status refuse(const struct gpu *gpu, const char *name, uint64_t asked,
                          const char *limit, uint64_t bytes)
{
    log_error("%s: buffer %s asks for %" PRIu64 " bytes, %s %" PRIu64, gpu->info.name, name, asked,
              limit, bytes);
    return STATUS_DEVICE_MEMORY;
}

enum status gpu_memory_check(const struct gpu *gpu, const char *name, uint64_t size)
{
    const uint64_t limit = gpu->memory_limit ? gpu->memory_limit : UINT64_MAX;
    if (gpu->compile_only) {
        log_error("%s: buffer %s: the device was opened to compile only", gpu->info.name, name);
        return STATUS_INTERNAL;
    }
    if (size > gpu->info.max_alloc)
        return refuse(gpu, name, size, "one allocation may have", gpu->info.max_alloc);
    if (size > limit || gpu->memory_used > limit - size)
        return refuse(gpu, name, size, "left of the memory are",
                      gpu->memory_used < limit ? limit - gpu->memory_used : 0);
    return STATUS_OK;
}

/* Bytes left in a heap. Mesa 22's lavapipe always reports one of 2 GiB. */
static uint64_t left_in(const struct gpu *gpu, uint32_t heap)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t size = gpu->memory.memoryHeaps[heap].size;
    if (gpu->info.kind == GPU_KIND_CPU && pages > 0 && page > 0 &&
        (uint64_t)pages * (uint64_t)page > size)
        size = (uint64_t)pages * (uint64_t)page;
    return gpu->heap_used[heap] < size ? size - gpu->heap_used[heap] : 0;
}

/* Why nothing was found: of the type that was wanted most. */
struct reason {
    const char *limit; /* null: no type fits */
    uint64_t bytes;
};

/* False, with a reason: the heap is full. */
static bool allocate(struct gpu *gpu, struct gpu_buffer *out, uint32_t type, uint64_t size,
                     struct reason *reason)
{
    const uint32_t heap = gpu->memory.memoryTypes[type].heapIndex;
    const uint64_t left = left_in(gpu, heap);
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = size,
        .memoryTypeIndex = type,
    };
    const VkResult result = size > left
                                ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                                : gpu->vk.vkAllocateMemory(gpu->device, &info, NULL, &out->memory);
    if (result == VK_SUCCESS)
        return true;
    out->memory = VK_NULL_HANDLE;
    if (!reason->limit)
        *reason = size > left ? (struct reason){"left of the memory are", left}
                              : (struct reason){"the driver has none left; in use are",
                                                gpu->heap_used[heap]};
    return false;
}

static void account(struct gpu *gpu, struct gpu_buffer *out, uint32_t type, uint64_t size)
{
    const VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[type].propertyFlags;
    out->heap = gpu->memory.memoryTypes[type].heapIndex;
    out->memory_size = size;
    out->cached = (flags & CACHED) != 0;
    gpu->heap_used[out->heap] += size;
    gpu->memory_used += size;
    if (gpu->memory_used > gpu->memory_peak)
        gpu->memory_peak = gpu->memory_used;
}

/* Storage in the host's memory is read over the bus. */
static void tell_once(struct gpu *gpu, uint32_t type, const char *name, uint64_t size)
{
    if ((gpu->memory.memoryTypes[type].propertyFlags & LOCAL) || gpu->told_of_host_memory)
        return;
    gpu->told_of_host_memory = true;
    log_warn("%s: buffer %s of %" PRIu64 " bytes finds no room in the device's own memory and lies "
             "in the host's: slower",
             gpu->info.name, name, size);
}

enum status gpu_memory_take(struct gpu_buffer *out, const struct gpu_memory_request *request)
{
    struct gpu *gpu = out->gpu;
    const bool direct = gpu->info.host_visible;
    const VkMemoryPropertyFlags wanted[][CHOICES] = {
        [GPU_BUFFER_STORAGE] = {direct ? LOCAL | VISIBLE | CACHED : LOCAL,
                                direct ? LOCAL | VISIBLE : 0, direct ? VISIBLE | CACHED : 0,
                                direct ? VISIBLE : 0},
        [GPU_BUFFER_READBACK] = {VISIBLE | CACHED, VISIBLE, VISIBLE, VISIBLE},
        [GPU_BUFFER_UPLOAD] = {VISIBLE, VISIBLE, VISIBLE, VISIBLE},
    };
    uint32_t left = request->types;
    struct reason reason = {0};
    for (size_t c = 0; c < CHOICES; c++) {
        const VkMemoryPropertyFlags flags = wanted[request->use][c];
        for (uint32_t type = 0; type < gpu->memory.memoryTypeCount; type++) {
            const VkMemoryPropertyFlags has = gpu->memory.memoryTypes[type].propertyFlags;
            if (!(left >> type & 1) || (has & flags) != flags || (has & NEVER))
                continue;
            left &= ~(1u << type);
            if (!allocate(gpu, out, type, request->size, &reason))
                continue;
            account(gpu, out, type, request->size);
            if (request->use == GPU_BUFFER_STORAGE)
                tell_once(gpu, type, request->name, request->size);
            return STATUS_OK;
        }
    }
    if (reason.limit)
        return refuse(gpu, request->name, request->size, reason.limit, reason.bytes);
    log_error("%s: no memory type for buffer %s", gpu->info.name, request->name);
    return STATUS_DEVICE;
}

void gpu_memory_give(struct gpu_buffer *buffer)
{
    struct gpu *gpu = buffer->gpu;
    gpu->vk.vkFreeMemory(gpu->device, buffer->memory, NULL);
    gpu->heap_used[buffer->heap] -= buffer->memory_size;
    gpu->memory_used -= buffer->memory_size;
}

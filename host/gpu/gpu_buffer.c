/* SPDX-License-Identifier: MIT */
/* Buffers: one piece of device memory each, and copies between them and the host. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

#define STAGING_SIZE (UINT64_C(8) << 20) /* bytes */
#define SIZE_STEP 16

static const VkMemoryPropertyFlags LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
static const VkMemoryPropertyFlags VISIBLE =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
static const VkMemoryPropertyFlags CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

static uint32_t find_type(const struct gpu *gpu, uint32_t allowed, VkMemoryPropertyFlags wanted)
{
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++) {
        if ((allowed >> i & 1) && (gpu->memory.memoryTypes[i].propertyFlags & wanted) == wanted)
            return i;
    }
    return UINT32_MAX;
}

/* Memory types from the most wanted to what every device has. */
static uint32_t choose_type(const struct gpu *gpu, uint32_t allowed, enum gpu_buffer_use use)
{
    const bool direct = gpu->info.host_visible;
    const VkMemoryPropertyFlags wanted[3][3] = {
        [GPU_BUFFER_STORAGE] = {direct ? LOCAL | VISIBLE | CACHED : LOCAL,
                                direct ? LOCAL | VISIBLE : LOCAL, 0},
        [GPU_BUFFER_READBACK] = {VISIBLE | CACHED, VISIBLE, VISIBLE},
        [GPU_BUFFER_UPLOAD] = {VISIBLE, VISIBLE, VISIBLE},
    };
    uint32_t type = UINT32_MAX;
    for (size_t i = 0; i < 3 && type == UINT32_MAX; i++)
        type = find_type(gpu, allowed, wanted[use][i]);
    return type;
}

static enum status refuse(const struct gpu *gpu, const char *name, uint64_t asked,
                          const char *limit, uint64_t bytes)
{
    log_error("%s: buffer %s asks for %" PRIu64 " bytes, %s %" PRIu64, gpu->info.name, name, asked,
              limit, bytes);
    return STATUS_DEVICE_MEMORY;
}

/* What all buffers together may take. Mesa 22's lavapipe always reports a heap of 2 GiB. */
static uint64_t memory_limit(const struct gpu *gpu, uint64_t heap)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (gpu->info.kind == GPU_KIND_CPU && pages > 0 && page > 0 &&
        (uint64_t)pages * (uint64_t)page > heap)
        heap = (uint64_t)pages * (uint64_t)page;
    return gpu->memory_limit && gpu->memory_limit < heap ? gpu->memory_limit : heap;
}

/* Refused here rather than by the driver: a CPU driver grants more than there is, and the process
 * is killed later. */
static enum status check_limits(const struct gpu *gpu, const char *name, uint64_t size,
                                uint64_t heap)
{
    uint64_t limit = memory_limit(gpu, heap);
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

static enum status allocate(struct gpu_buffer *buffer, uint32_t type, uint64_t size, bool map,
                            const char *name)
{
    struct gpu *gpu = buffer->gpu;
    enum status st = STATUS_OK;
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = size,
        .memoryTypeIndex = type,
    };
    const VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[type].propertyFlags;
    void *mapped = NULL;
    VkResult result = gpu->vk.vkAllocateMemory(gpu->device, &info, NULL, &buffer->memory);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return refuse(gpu, name, size, "the driver has none left; in use are", gpu->memory_used);
    VK(result);
    VK(gpu->vk.vkBindBufferMemory(gpu->device, buffer->handle, buffer->memory, 0));
    if (map)
        VK(gpu->vk.vkMapMemory(gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &mapped));
    buffer->mapped = mapped;
    buffer->cached = (flags & CACHED) != 0;
fail:
    return st;
}

/* The handle of `size` bytes, and memory for it. */
static enum status make(struct gpu_buffer *buffer, enum gpu_buffer_use use, uint64_t size,
                        const char *name)
{
    struct gpu *gpu = buffer->gpu;
    enum status st = STATUS_OK;
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = size,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 (gpu->info.max_texels ? VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT : 0),
    };
    VkMemoryRequirements needs;
    VK(gpu->vk.vkCreateBuffer(gpu->device, &info, NULL, &buffer->handle));
    gpu->vk.vkGetBufferMemoryRequirements(gpu->device, buffer->handle, &needs);
    const uint32_t type = choose_type(gpu, needs.memoryTypeBits, use);
    if (type == UINT32_MAX) {
        log_error("%s: no memory type for buffer %s", gpu->info.name, name);
        return STATUS_DEVICE;
    }
    /* Mappable memory of a device with its own stays unmapped, so that the same calls take the same
     * path on all such devices. */
    const bool map = use != GPU_BUFFER_STORAGE || gpu->info.host_visible;
    const uint32_t heap = gpu->memory.memoryTypes[type].heapIndex;
    st = check_limits(gpu, name, needs.size, gpu->memory.memoryHeaps[heap].size);
    if (!st)
        st = allocate(buffer, type, needs.size, map, name);
    if (st)
        return st;
    buffer->size = size;
    gpu->memory_used += needs.size;
    buffer->memory_size = needs.size;
    if (gpu->memory_used > gpu->memory_peak)
        gpu->memory_peak = gpu->memory_used;
fail:
    return st;
}

enum status gpu_buffer_create(struct gpu_buffer **out, struct gpu *gpu, enum gpu_buffer_use use,
                              uint64_t size, const char *name)
{
    *out = NULL;
    enum status st = gpu_check(gpu);
    if (st)
        return st;
    if (size > UINT64_MAX - SIZE_STEP)
        return refuse(gpu, name, size, "one allocation may have", gpu->info.max_alloc);
    size = size ? (size + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP : SIZE_STEP;
    /* Checked before asking the driver, which may not answer sizes over its limits. */
    st = check_limits(gpu, name, size, UINT64_MAX);
    if (st)
        return st;
    struct gpu_buffer *buffer = calloc(1, sizeof(*buffer));
    if (!buffer) {
        log_error("no memory for the description of buffer %s", name);
        return STATUS_MEMORY;
    }
    *buffer = (struct gpu_buffer){.gpu = gpu, .serial = ++gpu->serial};
    st = make(buffer, use, size, name);
    if (st)
        gpu_buffer_destroy(&buffer);
    *out = buffer;
    return st;
}

void gpu_buffer_destroy(struct gpu_buffer **buffer)
{
    struct gpu_buffer *b = *buffer;
    *buffer = NULL;
    if (!b || b->gpu->abandoned)
        return;
    struct gpu *gpu = b->gpu;
    gpu_sets_forget(gpu, b->serial);
    gpu->vk.vkDestroyBuffer(gpu->device, b->handle, NULL);
    gpu->vk.vkFreeMemory(gpu->device, b->memory, NULL);
    gpu->memory_used -= b->memory_size;
    free(b);
}

uint64_t gpu_buffer_size(const struct gpu_buffer *buffer)
{
    return buffer->size;
}

void *gpu_buffer_mapped(const struct gpu_buffer *buffer)
{
    return buffer->mapped;
}

static enum status check_range(const struct gpu_buffer *buffer, uint64_t offset, uint64_t size)
{
    enum status st = gpu_check(buffer->gpu);
    if (st)
        return st;
    if (offset > buffer->size || size > buffer->size - offset) {
        log_error("copy of %" PRIu64 " bytes at %" PRIu64 " of a buffer of %" PRIu64, size, offset,
                  buffer->size);
        return STATUS_INTERNAL;
    }
    if (!buffer->mapped && (offset % 4 || size % 4)) {
        log_error("copy of %" PRIu64 " bytes at %" PRIu64 " of an unmapped buffer, multiples of 4 "
                  "expected",
                  size, offset);
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

static enum status prepare_transfer(struct gpu *gpu)
{
    enum status st = STATUS_OK;
    if (!gpu->staging)
        st = gpu_buffer_create(&gpu->staging, gpu, GPU_BUFFER_READBACK, STAGING_SIZE, "staging");
    if (!st && !gpu->transfer)
        st = stream_create(&gpu->transfer, gpu, NULL);
    return st;
}

static enum status run_copy(struct gpu *gpu, const struct stream_copy *copy)
{
    enum status st = stream_begin(gpu->transfer);
    st = st ? st : stream_copy(gpu->transfer, copy);
    return st ? st : stream_run(gpu->transfer, GPU_TRANSFER_TIMEOUT);
}

enum status gpu_buffer_write(struct gpu_buffer *buffer, uint64_t offset, const void *data,
                             uint64_t size)
{
    struct gpu *gpu = buffer->gpu;
    enum status st = check_range(buffer, offset, size);
    if (st || size == 0)
        return st;
    if (buffer->mapped) {
        memcpy(buffer->mapped + offset, data, size);
        return STATUS_OK;
    }
    st = prepare_transfer(gpu);
    for (uint64_t at = 0; !st && at < size; at += STAGING_SIZE) {
        uint64_t n = size - at < STAGING_SIZE ? size - at : STAGING_SIZE;
        memcpy(gpu->staging->mapped, (const char *)data + at, n);
        st = run_copy(gpu,
                      &(struct stream_copy){
                          .from = gpu->staging, .to = buffer, .to_offset = offset + at, .size = n});
    }
    return st;
}

enum status gpu_buffer_read(struct gpu_buffer *buffer, uint64_t offset, void *data, uint64_t size)
{
    struct gpu *gpu = buffer->gpu;
    enum status st = check_range(buffer, offset, size);
    if (st || size == 0)
        return st;
    if (buffer->mapped && (buffer->cached || offset % 4 || size % 4 || size < 4096)) {
        memcpy(data, buffer->mapped + offset, size);
        return STATUS_OK;
    }
    st = prepare_transfer(gpu);
    for (uint64_t at = 0; !st && at < size; at += STAGING_SIZE) {
        uint64_t n = size - at < STAGING_SIZE ? size - at : STAGING_SIZE;
        st = run_copy(
            gpu, &(struct stream_copy){
                     .from = buffer, .to = gpu->staging, .from_offset = offset + at, .size = n});
        if (!st)
            memcpy((char *)data + at, gpu->staging->mapped, n);
    }
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Buffers: one piece of device memory each, and copies between them and the host. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

#define STAGING_SIZE (UINT64_C(8) << 20) /* bytes */
#define SIZE_STEP 16

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
    void *mapped = NULL;
    VK(gpu->vk.vkCreateBuffer(gpu->device, &info, NULL, &buffer->handle));
    gpu->vk.vkGetBufferMemoryRequirements(gpu->device, buffer->handle, &needs);
    st = gpu_memory_check(gpu, name, needs.size);
    if (!st)
        st = gpu_memory_take(
            buffer, &(struct gpu_memory_request){use, needs.memoryTypeBits, needs.size, name});
    if (st)
        return st;
    VK(gpu->vk.vkBindBufferMemory(gpu->device, buffer->handle, buffer->memory, 0));
    /* Mappable memory of a device with its own stays unmapped, so that the same calls take the same
     * path on all such devices. */
    if (use != GPU_BUFFER_STORAGE || gpu->info.host_visible)
        VK(gpu->vk.vkMapMemory(gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &mapped));
    buffer->mapped = mapped;
    buffer->size = size;
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
    /* Checked before asking the driver, which may not answer sizes over its limits. */
    st = gpu_memory_check(gpu, name, size);
    if (st)
        return st;
    size = size ? (size + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP : SIZE_STEP;
    struct gpu_buffer *buffer = calloc(1, sizeof(*buffer));
    if (!buffer) {
        log_error("no memory for the description of buffer %s", name);
        return STATUS_MEMORY;
    }
    *buffer = (struct gpu_buffer){.gpu = gpu, .serial = ++gpu->serial};
    const bool shared = use == GPU_BUFFER_SHARED, apart = shared && !gpu->info.host_visible;
    if (apart)
        st = gpu_buffer_create(&buffer->copy, gpu, GPU_BUFFER_READBACK, size, name);
    if (shared)
        use = apart ? GPU_BUFFER_STORAGE : GPU_BUFFER_READBACK;
    if (!st)
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
    gpu->generation++;
    gpu_buffer_destroy(&b->copy);
    gpu_sets_forget(gpu, b->serial);
    gpu->vk.vkDestroyBuffer(gpu->device, b->handle, NULL);
    gpu_memory_give(b);
    free(b);
}

uint64_t gpu_buffer_size(const struct gpu_buffer *buffer)
{
    return buffer->size;
}

void *gpu_buffer_mapped(const struct gpu_buffer *buffer)
{
    return buffer->copy ? buffer->copy->mapped : buffer->mapped;
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

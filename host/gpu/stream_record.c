/* SPDX-License-Identifier: MIT */
/* Streams: recording of dispatches, copies, fills and barriers. */
#include <inttypes.h>

#include "base/log.h"
#include "gpu/stream_internal.h"

/* What an unfinished operation may be, and what may follow it. */
static const VkPipelineStageFlags WORK =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
static const VkAccessFlags WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags ACCESSES = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                                      VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

enum status stream_begin(struct stream *stream)
{
    struct gpu *gpu = stream->gpu;
    enum status st = gpu_check(gpu);
    if (st)
        return st;
    if (stream->state == STREAM_IN_FLIGHT)
        return stream_expect(stream, STREAM_READY, "stream_begin");
    const bool recording = stream->state == STREAM_RECORDING;
    stream->dispatches = stream->barriers = stream->timed = 0;
    stream->kernel = NULL;
    stream->set = VK_NULL_HANDLE;
    stream->state = STREAM_EMPTY;
    const VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    if (recording) /* what was recorded and never submitted is dropped */
        VK(gpu->vk.vkEndCommandBuffer(stream->commands));
    VK(gpu->vk.vkBeginCommandBuffer(stream->commands, &info));
    if (stream->queries)
        gpu->vk.vkCmdResetQueryPool(stream->commands, stream->queries, 0, 2 * stream->timing_max);
    stream->state = STREAM_RECORDING;
    /* After everything submitted before. */
    stream_barrier(stream);
fail:
    return st;
}

void stream_barrier(struct stream *stream)
{
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = WRITES,
        .dstAccessMask = ACCESSES,
    };
    if (stream->state != STREAM_RECORDING)
        return;
    stream->gpu->vk.vkCmdPipelineBarrier(stream->commands, WORK, WORK, 0, 1, &barrier, 0, NULL, 0,
                                         NULL);
    stream->barriers++;
}

static void stamp_start(struct stream *stream, const char *label)
{
    if (!stream->queries || stream->timed == stream->timing_max)
        return;
    stream->labels[stream->timed] = label;
    stream->gpu->vk.vkCmdWriteTimestamp(stream->commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
                                        stream->queries, 2 * stream->timed);
}

static void stamp_end(struct stream *stream)
{
    if (!stream->queries || stream->timed == stream->timing_max)
        return;
    stream->gpu->vk.vkCmdWriteTimestamp(stream->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                        stream->queries, 2 * stream->timed + 1);
    stream->timed++;
}

static enum status check_binding(const struct stream_dispatch *d, uint32_t i,
                                 const struct gpu_info *info)
{
    const struct stream_binding *b = &d->bindings[i];
    const bool texels = d->kernel->shape.texels >> i & 1;
    const uint32_t alignment = texels ? info->texel_alignment : info->storage_alignment;
    const uint64_t most = texels ? (uint64_t)info->max_texels * 16 : info->max_storage_range;
    uint64_t size = gpu_buffer_size(b->buffer);
    uint64_t range = b->range ? b->range : size - b->offset;
    if (b->offset >= size || range > size - b->offset || b->offset % alignment) {
        log_error("kernel %s: binding %" PRIu32 " is %" PRIu64 " bytes at %" PRIu64
                  ", the buffer has %" PRIu64 " and the device aligns to %" PRIu32,
                  d->kernel->name, i, range, b->offset, size, alignment);
        return STATUS_INTERNAL;
    }
    if (range > most) {
        log_error("%s: kernel %s: binding %" PRIu32 " sees %" PRIu64
                  " bytes, the device allows %" PRIu64,
                  info->name, d->kernel->name, i, range, most);
        return STATUS_DEVICE_MEMORY;
    }
    return STATUS_OK;
}

static bool overlap(const struct stream_binding *a, const struct stream_binding *b)
{
    const uint64_t size = gpu_buffer_size(a->buffer);
    const uint64_t a_end = a->range ? a->offset + a->range : size;
    const uint64_t b_end = b->range ? b->offset + b->range : size;
    return a->buffer == b->buffer && a->offset < b_end && b->offset < a_end;
}

/* A driver may take two bindings for two buffers unless the shader says that they are one. */
static enum status check_aliases(const struct stream_dispatch *d, uint32_t end)
{
    const struct kernel *kernel = d->kernel;
    for (uint32_t i = 0; i < end; i++) {
        for (uint32_t j = i + 1; j < end; j++) {
            const uint32_t both = 1u << i | 1u << j;
            if ((kernel->shape.bindings & both) != both || (kernel->aliased & both) == both ||
                !overlap(&d->bindings[i], &d->bindings[j]))
                continue;
            log_error("kernel %s: bindings %" PRIu32 " and %" PRIu32
                      " see the same bytes, expected both Aliased in the shader",
                      kernel->name, i, j);
            return STATUS_INTERNAL;
        }
    }
    return STATUS_OK;
}

static enum status check(const struct stream *stream, const struct stream_dispatch *d)
{
    const struct gpu_info *info = &stream->gpu->info;
    enum status st = stream_expect(stream, STREAM_RECORDING, "stream_dispatch");
    if (st)
        return st;
    const uint32_t end = gpu_bindings_end(d->kernel->shape.bindings);
    if (d->binding_count != end || d->push_size != d->kernel->shape.push_size) {
        log_error("kernel %s: dispatched with %" PRIu32 " bindings and %" PRIu32
                  " push bytes, it has %" PRIu32 " and %" PRIu32,
                  d->kernel->name, d->binding_count, d->push_size, end, d->kernel->shape.push_size);
        return STATUS_INTERNAL;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (d->groups[i] <= info->max_group_count[i])
            continue;
        log_error("%s: kernel %s: %" PRIu32 " workgroups on axis %" PRIu32
                  ", the device allows %" PRIu32,
                  info->name, d->kernel->name, d->groups[i], i, info->max_group_count[i]);
        return STATUS_DEVICE_MEMORY;
    }
    for (uint32_t i = 0; i < end && !st; i++) {
        if (d->kernel->shape.bindings >> i & 1)
            st = check_binding(d, i, info);
    }
    return st ? st : check_aliases(d, end);
}

static enum status bind(struct stream *stream, const struct stream_dispatch *d)
{
    struct gpu *gpu = stream->gpu;
    VkDescriptorSet set;
    enum status st = gpu_sets_get(gpu, d->bindings, d->kernel->shape, &set);
    if (st)
        return st;
    if (stream->kernel != d->kernel) {
        gpu->vk.vkCmdBindPipeline(stream->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                  d->kernel->pipeline);
        stream->set = VK_NULL_HANDLE;
    }
    if (stream->set != set)
        gpu->vk.vkCmdBindDescriptorSets(stream->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                        d->kernel->layout, 0, 1, &set, 0, NULL);
    stream->kernel = d->kernel;
    stream->set = set;
    return STATUS_OK;
}

enum status stream_dispatch(struct stream *stream, const struct stream_dispatch *dispatch)
{
    struct gpu *gpu = stream->gpu;
    const struct stream_dispatch *d = dispatch;
    enum status st = check(stream, d);
    if (st || d->groups[0] == 0 || d->groups[1] == 0 || d->groups[2] == 0)
        return st;
    if (d->binding_count > 0 && (st = bind(stream, d)) != STATUS_OK)
        return st;
    if (d->binding_count == 0 && stream->kernel != d->kernel) {
        gpu->vk.vkCmdBindPipeline(stream->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                  d->kernel->pipeline);
        stream->kernel = d->kernel;
        stream->set = VK_NULL_HANDLE;
    }
    if (d->push_size)
        gpu->vk.vkCmdPushConstants(stream->commands, d->kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT,
                                   0, d->push_size, d->push);
    stamp_start(stream, d->label ? d->label : d->kernel->name);
    gpu->vk.vkCmdDispatch(stream->commands, d->groups[0], d->groups[1], d->groups[2]);
    stamp_end(stream);
    stream->dispatches++;
    return STATUS_OK;
}

static enum status check_span(const struct gpu_buffer *buffer, uint64_t offset, uint64_t size,
                              const char *what)
{
    if (offset <= gpu_buffer_size(buffer) && size <= gpu_buffer_size(buffer) - offset && size > 0)
        return STATUS_OK;
    log_error("%s of %" PRIu64 " bytes at %" PRIu64 " of a buffer of %" PRIu64, what, size, offset,
              gpu_buffer_size(buffer));
    return STATUS_INTERNAL;
}

enum status stream_copy(struct stream *stream, const struct stream_copy *copy)
{
    enum status st = stream_expect(stream, STREAM_RECORDING, "stream_copy");
    if (st ||
        (st = check_span(copy->from, copy->from_offset, copy->size, "copy from")) != STATUS_OK ||
        (st = check_span(copy->to, copy->to_offset, copy->size, "copy to")) != STATUS_OK)
        return st;
    const VkBufferCopy region = {copy->from_offset, copy->to_offset, copy->size};
    stamp_start(stream, "copy");
    stream->gpu->vk.vkCmdCopyBuffer(stream->commands, copy->from->handle, copy->to->handle, 1,
                                    &region);
    stamp_end(stream);
    return STATUS_OK;
}

static enum status copy_span(struct stream *stream, const struct stream_span *span, bool push)
{
    const struct gpu_buffer *device = span->buffer, *host = device->copy;
    if (!host || span->size == 0)
        return STATUS_OK;
    return stream_copy(stream, &(struct stream_copy){.from = push ? host : device,
                                                     .to = push ? device : host,
                                                     .from_offset = span->offset,
                                                     .to_offset = span->offset,
                                                     .size = span->size});
}

static bool any_apart(const struct stream_span *spans, uint32_t n)
{
    bool any = false;
    for (uint32_t i = 0; i < n; i++)
        any = any || (spans[i].buffer->copy && spans[i].size > 0);
    return any;
}

enum status stream_push(struct stream *stream, const struct stream_span *spans, uint32_t n)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i++)
        st = copy_span(stream, &spans[i], true);
    if (any_apart(spans, n))
        stream_barrier(stream);
    return st;
}

enum status stream_pull(struct stream *stream, const struct stream_span *spans, uint32_t n)
{
    enum status st = STATUS_OK;
    if (any_apart(spans, n))
        stream_barrier(stream);
    for (uint32_t i = 0; i < n && !st; i++)
        st = copy_span(stream, &spans[i], false);
    return st;
}

enum status stream_fill(struct stream *stream, const struct stream_binding *to, uint32_t word)
{
    uint64_t size = gpu_buffer_size(to->buffer);
    uint64_t range = to->range ? to->range : size > to->offset ? size - to->offset : 0;
    enum status st = stream_expect(stream, STREAM_RECORDING, "stream_fill");
    if (st || (st = check_span(to->buffer, to->offset, range, "fill")) != STATUS_OK)
        return st;
    if (to->offset % 4 || range % 4) {
        log_error("fill of %" PRIu64 " bytes at %" PRIu64 ", multiples of 4 expected", range,
                  to->offset);
        return STATUS_INTERNAL;
    }
    stamp_start(stream, "fill");
    stream->gpu->vk.vkCmdFillBuffer(stream->commands, to->buffer->handle, to->offset, range, word);
    stamp_end(stream);
    return STATUS_OK;
}

enum status stream_finish_recording(struct stream *stream)
{
    struct gpu *gpu = stream->gpu;
    enum status st = STATUS_OK;
    const VkMemoryBarrier to_host = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = WRITES,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT,
    };
    stream_barrier(stream);
    gpu->vk.vkCmdFillBuffer(stream->commands, stream->canary->handle, 0, sizeof(uint32_t),
                            STREAM_CANARY);
    gpu->vk.vkCmdPipelineBarrier(stream->commands, WORK, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host,
                                 0, NULL, 0, NULL);
    stream->barriers++;
    VK(gpu->vk.vkEndCommandBuffer(stream->commands));
    stream->state = STREAM_READY;
fail:
    return st;
}

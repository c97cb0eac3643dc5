/* SPDX-License-Identifier: MIT */
/* Streams: the log of operations, and the command buffers that were recorded from logs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gpu/stream_internal.h"

#define LOG_ALIGN 8u /* of operations: they have pointers */

/* What an unfinished operation may be, and what may follow it. */
static const VkPipelineStageFlags WORK =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
static const VkAccessFlags WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags ACCESSES = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                                      VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

/* Before the members of an operation. */
struct head {
    uint32_t op, size; /* enum stream_op; bytes to the next head */
};

static size_t aligned(size_t size)
{
    return (size + LOG_ALIGN - 1) / LOG_ALIGN * LOG_ALIGN;
}

static enum status make_room(struct stream_log *log, size_t more)
{
    if (log->room - log->size >= more)
        return STATUS_OK;
    const size_t room = 2 * (log->room + more);
    uint8_t *bytes = realloc(log->bytes, room);
    if (!bytes) {
        log_error("no memory for the operations of a stream, %zu bytes wanted", room);
        return STATUS_MEMORY;
    }
    log->bytes = bytes;
    log->room = room;
    return STATUS_OK;
}

enum status stream_log_add(struct stream_log *log, enum stream_op op, struct stream_part members,
                           struct stream_part extra)
{
    const size_t size = sizeof(struct head) + aligned(members.size) + aligned(extra.size);
    const struct head head = {.op = (uint32_t)op, .size = (uint32_t)size};
    const enum status st = make_room(log, size);
    if (st)
        return st;
    uint8_t *at = log->bytes + log->size;
    memset(at, 0, size);
    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), members.bytes, members.size);
    if (extra.size > 0)
        memcpy(at + sizeof(head) + aligned(members.size), extra.bytes, extra.size);
    log->size += size;
    return STATUS_OK;
}

/* --- from a log to a command buffer --- */

/* What was bound last. */
struct bound {
    VkPipeline pipeline;
    VkDescriptorSet set;
};

static void stamp_start(struct stream *stream, const char *label)
{
    if (!stream->queries || stream->timed == stream->timing_max)
        return;
    stream->labels[stream->timed] = label;
    stream->gpu->vk.vkCmdWriteTimestamp(stream->current->commands,
                                        VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, stream->queries,
                                        2 * stream->timed);
}

static void stamp_end(struct stream *stream)
{
    if (!stream->queries || stream->timed == stream->timing_max)
        return;
    stream->gpu->vk.vkCmdWriteTimestamp(stream->current->commands,
                                        VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, stream->queries,
                                        2 * stream->timed + 1);
    stream->timed++;
}

static void put_dispatch(struct stream *stream, const struct stream_op_dispatch *d,
                         struct bound *bound)
{
    const struct VolkDeviceTable *vk = &stream->gpu->vk;
    const VkCommandBuffer commands = stream->current->commands;
    if (bound->pipeline != d->pipeline) {
        vk->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->pipeline);
        bound->set = VK_NULL_HANDLE;
    }
    if (d->set && bound->set != d->set)
        vk->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, d->layout, 0, 1,
                                    &d->set, 0, NULL);
    *bound = (struct bound){d->pipeline, d->set};
    if (d->push_size)
        vk->vkCmdPushConstants(commands, d->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, d->push_size,
                               (const uint8_t *)d + aligned(sizeof(*d)));
    stamp_start(stream, d->label);
    vk->vkCmdDispatch(commands, d->groups[0], d->groups[1], d->groups[2]);
    stamp_end(stream);
}

static void put_copy(struct stream *stream, const struct stream_op_copy *c)
{
    stamp_start(stream, "copy");
    stream->gpu->vk.vkCmdCopyBuffer(stream->current->commands, c->from, c->to, 1, &c->region);
    stamp_end(stream);
}

static void put_fill(struct stream *stream, const struct stream_op_fill *f)
{
    if (f->timed)
        stamp_start(stream, "fill");
    stream->gpu->vk.vkCmdFillBuffer(stream->current->commands, f->to, f->offset, f->size, f->word);
    if (f->timed)
        stamp_end(stream);
}

static void put_barrier(struct stream *stream, bool host)
{
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = WRITES,
        .dstAccessMask = host ? VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT : ACCESSES,
    };
    stream->gpu->vk.vkCmdPipelineBarrier(stream->current->commands, WORK,
                                         host ? VK_PIPELINE_STAGE_HOST_BIT : WORK, 0, 1, &barrier,
                                         0, NULL, 0, NULL);
}

static void put_all(struct stream *stream)
{
    const struct stream_log *log = &stream->current->log;
    struct bound bound = {0};
    for (size_t at = 0; at < log->size;) {
        const struct head *head = (const struct head *)(const void *)(log->bytes + at);
        const void *members = head + 1;
        switch ((enum stream_op)head->op) {
        case STREAM_OP_DISPATCH:
            put_dispatch(stream, members, &bound);
            break;
        case STREAM_OP_COPY:
            put_copy(stream, members);
            break;
        case STREAM_OP_FILL:
            put_fill(stream, members);
            break;
        case STREAM_OP_BARRIER:
            put_barrier(stream, ((const struct stream_op_barrier *)members)->host);
            break;
        }
        at += head->size;
    }
}

/* Of the log in `current`. */
static enum status record(struct stream *stream)
{
    struct gpu *gpu = stream->gpu;
    struct stream_recording *to = stream->current;
    enum status st = STATUS_OK;
    const VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = stream->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    if (!to->commands)
        VK(gpu->vk.vkAllocateCommandBuffers(gpu->device, &commands, &to->commands));
    VK(gpu->vk.vkBeginCommandBuffer(to->commands, &info));
    stream->timed = 0;
    if (stream->queries)
        gpu->vk.vkCmdResetQueryPool(to->commands, stream->queries, 0, 2 * stream->timing_max);
    put_all(stream);
    VK(gpu->vk.vkEndCommandBuffer(to->commands));
    to->generation = gpu->generation;
    stream->recordings++;
fail:
    return st;
}

static bool is_same(const struct stream *stream, const struct stream_recording *r)
{
    return r->commands && r->generation == stream->gpu->generation &&
           r->log.size == stream->log.size &&
           memcmp(r->log.bytes, stream->log.bytes, r->log.size) == 0;
}

enum status stream_log_record(struct stream *stream)
{
    struct stream_recording *oldest = &stream->kept[0];
    /* times belong to the one that was recorded last */
    const uint32_t kept = stream->queries ? 1 : STREAM_KEPT;
    for (uint32_t i = 0; i < kept; i++) {
        struct stream_recording *r = &stream->kept[i];
        if (is_same(stream, r)) {
            stream->current = r;
            return STATUS_OK;
        }
        oldest = r->used < oldest->used ? r : oldest;
    }
    const struct stream_log log = oldest->log;
    oldest->log = stream->log;
    stream->log = log;
    oldest->generation = UINT64_MAX; /* of nothing until it is recorded */
    stream->current = oldest;
    return record(stream);
}

void stream_log_finish(struct stream *stream)
{
    free(stream->log.bytes);
    for (uint32_t i = 0; i < STREAM_KEPT; i++)
        free(stream->kept[i].log.bytes);
}

/* SPDX-License-Identifier: MIT */
/* Streams: dispatches, copies, fills and barriers are checked and logged. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "gpu/stream_internal.h"

enum status stream_begin(struct stream *stream)
{
    enum status st = gpu_check(stream->gpu);
    if (st)
        return st;
    if (stream->state == STREAM_IN_FLIGHT)
        return stream_expect(stream, STREAM_READY, "stream_begin");
    stream->dispatches = stream->barriers = 0;
    stream->log.size = 0;
    stream->state = STREAM_RECORDING;
    stream->st = STATUS_OK;
    /* After everything submitted before. */
    stream_barrier(stream);
    return STATUS_OK;
}

/* Logs an operation; the first failure is told at the submit. */
static void add(struct stream *stream, enum stream_op op, struct stream_part members,
                struct stream_part extra)
{
    if (!stream->st)
        stream->st = stream_log_add(&stream->log, op, members, extra);
}

static void add_barrier(struct stream *stream, bool host)
{
    const struct stream_op_barrier barrier = {.host = host};
    add(stream, STREAM_OP_BARRIER, (struct stream_part){&barrier, sizeof(barrier)},
        (struct stream_part){0});
    stream->barriers++;
}

void stream_barrier(struct stream *stream)
{
    if (stream->state == STREAM_RECORDING)
        add_barrier(stream, false);
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

enum status stream_dispatch(struct stream *stream, const struct stream_dispatch *dispatch)
{
    const struct stream_dispatch *d = dispatch;
    struct stream_op_dispatch op;
    enum status st = check(stream, d);
    if (st || d->groups[0] == 0 || d->groups[1] == 0 || d->groups[2] == 0)
        return st;
    memset(&op, 0, sizeof(op));
    op.pipeline = d->kernel->pipeline;
    op.layout = d->kernel->layout;
    op.label = d->label ? d->label : d->kernel->name;
    op.push_size = d->push_size;
    memcpy(op.groups, d->groups, sizeof(op.groups));
    if (d->binding_count > 0)
        st = gpu_sets_get(stream->gpu, d->bindings, d->kernel->shape, &op.set);
    if (st)
        return st;
    add(stream, STREAM_OP_DISPATCH, (struct stream_part){&op, sizeof(op)},
        (struct stream_part){d->push, d->push_size});
    stream->dispatches++;
    return stream->st;
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
    struct stream_op_copy op;
    memset(&op, 0, sizeof(op));
    op.from = copy->from->handle;
    op.to = copy->to->handle;
    op.region = (VkBufferCopy){copy->from_offset, copy->to_offset, copy->size};
    add(stream, STREAM_OP_COPY, (struct stream_part){&op, sizeof(op)}, (struct stream_part){0});
    return stream->st;
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

static void add_fill(struct stream *stream, const struct gpu_buffer *to, struct stream_op_fill fill)
{
    struct stream_op_fill op;
    memset(&op, 0, sizeof(op));
    op.to = to->handle;
    op.offset = fill.offset;
    op.size = fill.size;
    op.word = fill.word;
    op.timed = fill.timed;
    add(stream, STREAM_OP_FILL, (struct stream_part){&op, sizeof(op)}, (struct stream_part){0});
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
    add_fill(
        stream, to->buffer,
        (struct stream_op_fill){.offset = to->offset, .size = range, .word = word, .timed = true});
    return stream->st;
}

enum status stream_finish_recording(struct stream *stream)
{
    stream_barrier(stream);
    add_fill(stream, stream->canary,
             (struct stream_op_fill){.size = sizeof(uint32_t), .word = STREAM_CANARY});
    add_barrier(stream, true);
    const enum status st = stream->st ? stream->st : stream_log_record(stream);
    if (!st)
        stream->state = STREAM_READY;
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Streams: their life, submission, waiting, the canary and the timestamps. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "gpu/stream_internal.h"

#define CANARY_UNSET 0u
#define TIMING_DEFAULT 4096

static enum status make_pool(struct stream *s)
{
    struct gpu *gpu = s->gpu;
    enum status st = STATUS_OK;
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = gpu->family,
    };
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VK(gpu->vk.vkCreateCommandPool(gpu->device, &pool, NULL, &s->pool));
    VK(gpu->vk.vkCreateFence(gpu->device, &fence, NULL, &s->fence));
fail:
    return st;
}

static enum status make_timing(struct stream *s, uint32_t max)
{
    struct gpu *gpu = s->gpu;
    enum status st = STATUS_OK;
    s->timing_max = max ? max : TIMING_DEFAULT;
    const VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2 * s->timing_max,
    };
    s->labels = calloc(s->timing_max, sizeof(*s->labels));
    s->ticks = calloc(s->timing_max, 2 * sizeof(*s->ticks));
    if (!s->labels || !s->ticks) {
        log_error("no memory to time %" PRIu32 " operations", s->timing_max);
        return STATUS_MEMORY;
    }
    VK(gpu->vk.vkCreateQueryPool(gpu->device, &info, NULL, &s->queries));
fail:
    return st;
}

enum status stream_create(struct stream **out, struct gpu *gpu, const struct stream_params *params)
{
    *out = NULL;
    enum status st = gpu_check(gpu);
    if (st)
        return st;
    struct stream *s = calloc(1, sizeof(*s));
    if (!s) {
        log_error("no memory for a stream");
        return STATUS_MEMORY;
    }
    s->gpu = gpu;
    st = gpu_buffer_create(&s->canary, gpu, GPU_BUFFER_READBACK, sizeof(uint32_t), "canary");
    if (!st)
        st = make_pool(s);
    if (!st && params && params->timing && gpu->info.timestamps)
        st = make_timing(s, params->timing_max);
    if (st)
        stream_destroy(&s);
    *out = s;
    return st;
}

void stream_destroy(struct stream **stream)
{
    struct stream *s = *stream;
    *stream = NULL;
    if (!s || s->gpu->abandoned)
        return;
    struct gpu *gpu = s->gpu;
    gpu->vk.vkDestroyQueryPool(gpu->device, s->queries, NULL);
    gpu->vk.vkDestroyFence(gpu->device, s->fence, NULL);
    gpu->vk.vkDestroyCommandPool(gpu->device, s->pool, NULL);
    gpu_buffer_destroy(&s->canary);
    stream_log_finish(s);
    free(s->labels);
    free(s->ticks);
    free(s);
}

enum status stream_expect(const struct stream *stream, enum stream_state state, const char *call)
{
    static const char *const NAMES[] = {"empty", "recording", "ready", "in flight"};
    enum status st = gpu_check(stream->gpu);
    if (st || stream->state == state)
        return st;
    log_error("%s on a stream that is %s, expected one that is %s", call, NAMES[stream->state],
              NAMES[state]);
    return STATUS_INTERNAL;
}

/* The canary's word: another value per submit would need another recording, so the host clears it
 * before. */
static uint32_t *canary_word(const struct stream *stream)
{
    return gpu_buffer_mapped(stream->canary);
}

enum status stream_submit(struct stream *stream)
{
    struct gpu *gpu = stream->gpu;
    enum status st = STATUS_OK;
    if (stream->state == STREAM_RECORDING && (st = stream_finish_recording(stream)) != STATUS_OK)
        return st;
    if ((st = stream_expect(stream, STREAM_READY, "stream_submit")) != STATUS_OK)
        return st;
    const VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &stream->current->commands,
    };
    *(volatile uint32_t *)canary_word(stream) = CANARY_UNSET;
    stream->current->used = ++stream->submits;
    VK(gpu->vk.vkResetFences(gpu->device, 1, &stream->fence));
    VK(gpu->vk.vkQueueSubmit(gpu->queue, 1, &info, stream->fence));
    stream->state = STREAM_IN_FLIGHT;
fail:
    return st;
}

static enum status read_ticks(struct stream *stream)
{
    struct gpu *gpu = stream->gpu;
    enum status st = STATUS_OK;
    if (stream->timed == 0)
        return STATUS_OK;
    VK(gpu->vk.vkGetQueryPoolResults(gpu->device, stream->queries, 0, 2 * stream->timed,
                                     2 * stream->timed * sizeof(*stream->ticks), stream->ticks,
                                     sizeof(*stream->ticks),
                                     VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
fail:
    return st;
}

enum status stream_wait(struct stream *stream, double seconds)
{
    struct gpu *gpu = stream->gpu;
    enum status st = stream_expect(stream, STREAM_IN_FLIGHT, "stream_wait");
    if (st)
        return st;
    uint64_t limit = seconds < 1e9 ? (uint64_t)(seconds * 1e9) : UINT64_MAX;
    VkResult result = gpu->vk.vkWaitForFences(gpu->device, 1, &stream->fence, VK_TRUE, limit);
    if (result == VK_TIMEOUT) {
        log_error("%s: no answer within %g s; the device counts as lost", gpu->info.name, seconds);
        gpu->lost = gpu->abandoned = true;
        return STATUS_DEVICE_LOST;
    }
    VK(result);
    stream->state = STREAM_READY;
    uint32_t word = *(volatile uint32_t *)canary_word(stream);
    if (word != STREAM_CANARY) {
        log_error("%s: the driver dropped a submit of %" PRIu32 " dispatches without an error "
                  "(last word is %08" PRIx32 ", expected %08" PRIx32 ")",
                  gpu->info.name, stream->dispatches, word, STREAM_CANARY);
        return STATUS_DEVICE;
    }
    st = read_ticks(stream);
fail:
    return st;
}

enum status stream_run(struct stream *stream, double seconds)
{
    const enum status st = stream_submit(stream);
    return st ? st : stream_wait(stream, seconds);
}

uint32_t stream_dispatch_count(const struct stream *stream)
{
    return stream->dispatches;
}

uint64_t stream_recording_count(const struct stream *stream)
{
    return stream->recordings;
}

uint32_t stream_barrier_count(const struct stream *stream)
{
    return stream->barriers;
}

enum status stream_times(struct stream *stream, struct stream_time *out, size_t room,
                         size_t *out_count)
{
    enum status st = stream_expect(stream, STREAM_READY, "stream_times");
    *out_count = 0;
    if (st)
        return st;
    for (uint32_t i = 0; i < stream->timed; i++) {
        uint64_t ticks =
            (stream->ticks[2 * i + 1] - stream->ticks[2 * i]) & stream->gpu->timestamp_mask;
        if (i < room)
            out[i] = (struct stream_time){stream->labels[i],
                                          (double)ticks * stream->gpu->timestamp_seconds};
    }
    *out_count = stream->timed;
    return STATUS_OK;
}

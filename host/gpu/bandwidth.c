/* SPDX-License-Identifier: MIT */
/* How fast a device reads its memory and starts work. */
#include "gpu/bandwidth.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "gpu/buffer.h"
#include "gpu/kernel.h"
#include "gpu/stream.h"
#include "shader_table.h"

#define SIZE_DEFAULT (UINT64_C(256) << 20)    /* bytes: beyond most caches */
#define SIZE_DEFAULT_CPU (UINT64_C(64) << 20) /* likewise; these devices are slower */
#define EACH 256                              /* uvec4 read by one invocation */
#define SIZE_MIN (UINT64_C(4) << 20)
#define REPEATS 5
#define TIMEOUT 60.0
#define DISPATCHES 500
#define SPEC_LOCAL_SIZE 0
#define SPEC_SIDE_BY_SIDE 1

/* Push constants of bandwidth.comp. */
struct push {
    uint32_t invocations;
    uint32_t each;
};

struct run {
    struct gpu *gpu;
    struct kernel *kernel;
    struct stream *stream;
    struct gpu_buffer *data, *sums;
    struct push push;
    uint32_t group, side_by_side;
};

static void finish(struct run *run)
{
    gpu_buffer_destroy(&run->sums);
    gpu_buffer_destroy(&run->data);
    stream_destroy(&run->stream);
    kernel_destroy(&run->kernel);
}

/* Seconds of the fastest of several submits of the recorded work. */
static enum status time_submits(struct run *run, double *out)
{
    enum status st = STATUS_OK;
    *out = 0;
    for (int i = 0; i <= REPEATS && !st; i++) {
        double start = clock_seconds();
        st = stream_run(run->stream, TIMEOUT);
        double seconds = clock_seconds() - start;
        /* The first is a warm-up: pages are touched, code is generated. */
        if (i > 0 && (*out == 0 || seconds < *out))
            *out = seconds;
    }
    return st;
}

static enum status prepare_read(struct run *run, uint64_t size)
{
    const struct gpu_info *info = gpu_get_info(run->gpu);
    const uint32_t spec_ids[] = {SPEC_LOCAL_SIZE, SPEC_SIDE_BY_SIDE};
    const struct kernel_constant constants[] = {{SPEC_LOCAL_SIZE, run->group},
                                                {SPEC_SIDE_BY_SIDE, run->side_by_side}};
    const struct kernel_params params = {
        .code = &shader_bandwidth,
        .layout = {.bindings = 3,
                   .push_size = sizeof(run->push),
                   .spec_count = 2,
                   .spec_ids = spec_ids,
                   .local_size_id = {SPEC_LOCAL_SIZE, KERNEL_LITERAL, KERNEL_LITERAL}},
        .constants = constants,
        .constant_count = 2,
    };
    size = size > info->max_storage_range ? info->max_storage_range : size;
    size = size > info->max_alloc ? info->max_alloc : size;
    run->push.each = EACH;
    run->push.invocations = (uint32_t)(size / (16 * EACH * run->group)) * run->group;
    uint64_t sums = (uint64_t)run->push.invocations * 4;
    enum status st = kernel_create(&run->kernel, run->gpu, &params);
    st = st ? st : stream_create(&run->stream, run->gpu, NULL);
    st = st ? st
            : gpu_buffer_create(&run->data, run->gpu, GPU_BUFFER_STORAGE,
                                (uint64_t)run->push.invocations * run->push.each * 16,
                                "bandwidth data");
    return st ? st
              : gpu_buffer_create(&run->sums, run->gpu, GPU_BUFFER_STORAGE, sums, "bandwidth sums");
}

static enum status record_read(struct run *run)
{
    const struct stream_binding bindings[] = {{.buffer = run->data}, {.buffer = run->sums}};
    const struct stream_dispatch dispatch = {
        .kernel = run->kernel,
        .bindings = bindings,
        .binding_count = 2,
        .push = &run->push,
        .push_size = sizeof(run->push),
        .groups = {(run->push.invocations + run->group - 1) / run->group, 1, 1},
    };
    /* Filled once: pages never written may all map to one. */
    enum status st = stream_begin(run->stream);
    st = st ? st : stream_fill(run->stream, &bindings[0], 0x01020304);
    st = st ? st : stream_run(run->stream, TIMEOUT);
    st = st ? st : stream_begin(run->stream);
    st = st ? st : stream_dispatch(run->stream, &dispatch);
    return st;
}

static enum status read_once(struct gpu *gpu, uint64_t size, uint32_t side_by_side, double *out)
{
    const struct gpu_info *info = gpu_get_info(gpu);
    struct run run = {.gpu = gpu, .side_by_side = side_by_side};
    double seconds = 0;
    run.group = info->kind == GPU_KIND_CPU ? info->subgroup_size : 128;
    enum status st = prepare_read(&run, size);
    st = st ? st : record_read(&run);
    st = st ? st : time_submits(&run, &seconds);
    if (!st)
        *out = (double)run.push.invocations * EACH * 16 / seconds;
    finish(&run);
    return st;
}

enum status bandwidth_read(struct gpu *gpu, uint64_t size, double *out)
{
    enum status st = STATUS_OK;
    const bool cpu = gpu_get_info(gpu)->kind == GPU_KIND_CPU;
    *out = 0;
    size = size ? size : cpu ? SIZE_DEFAULT_CPU : SIZE_DEFAULT;
    if (size < SIZE_MIN) {
        log_error("bandwidth of %" PRIu64 " bytes asked for, at least %" PRIu64 " expected", size,
                  SIZE_MIN);
        return STATUS_INPUT;
    }
    for (uint32_t side = 0; side < 2 && !st; side++) {
        double rate = 0;
        st = read_once(gpu, size, side, &rate);
        log_debug("read bandwidth, side by side %" PRIu32 ": %.3g GB/s", side, rate * 1e-9);
        *out = rate > *out ? rate : *out;
    }
    return st;
}

enum status bandwidth_dispatch(struct gpu *gpu, double *out)
{
    struct run run = {.gpu = gpu};
    double seconds = 0;
    const struct kernel_params params = {
        .code = &shader_empty,
        .layout = {.bindings = 1,
                   .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}},
    };
    *out = 0;
    enum status st = kernel_create(&run.kernel, gpu, &params);
    st = st ? st : stream_create(&run.stream, gpu, NULL);
    st = st ? st : gpu_buffer_create(&run.sums, gpu, GPU_BUFFER_STORAGE, 16, "empty");
    const struct stream_binding binding = {.buffer = run.sums};
    const struct stream_dispatch dispatch = {
        .kernel = run.kernel, .bindings = &binding, .binding_count = 1, .groups = {1, 1, 1}};
    st = st ? st : stream_begin(run.stream);
    for (int i = 0; i < DISPATCHES && !st; i++) {
        st = stream_dispatch(run.stream, &dispatch);
        stream_barrier(run.stream);
    }
    st = st ? st : time_submits(&run, &seconds);
    if (!st)
        *out = seconds / DISPATCHES;
    finish(&run);
    return st;
}

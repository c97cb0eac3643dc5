/* SPDX-License-Identifier: MIT */
/* The probe of NUMERICS.md 5: cases run on the device, compared with the CPU, judged. */
#include "gpu/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "gpu/buffer.h"
#include "gpu/kernel.h"
#include "gpu/probe_cases.h"
#include "gpu/stream.h"
#include "shader_table.h"
#include "shared/numerics.h"

#define GROUP 64 /* local size of probe.comp */
#define TIMEOUT 60.0

struct run {
    struct gpu *gpu;
    struct kernel *kernel;
    struct stream *stream;
    struct gpu_buffer *cases, *results;
    struct probe_operands *sets; /* (count) */
    uint32_t *bits;              /* (count) of the device */
    size_t count;
};

static enum status prepare(struct run *run)
{
    const struct kernel_params params = {
        .code = &shader_probe,
        .layout = {.bindings = 3,
                   .push_size = sizeof(uint32_t),
                   .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}},
    };
    enum status st = kernel_create(&run->kernel, run->gpu, &params);
    st = st ? st : stream_create(&run->stream, run->gpu, NULL);
    st = st ? st
            : gpu_buffer_create(&run->cases, run->gpu, GPU_BUFFER_STORAGE,
                                run->count * sizeof(*run->sets), "probe cases");
    st = st ? st
            : gpu_buffer_create(&run->results, run->gpu, GPU_BUFFER_READBACK,
                                run->count * sizeof(*run->bits), "probe results");
    return st ? st : gpu_buffer_write(run->cases, 0, run->sets, run->count * sizeof(*run->sets));
}

static enum status execute(struct run *run)
{
    const struct stream_binding bindings[] = {{.buffer = run->cases}, {.buffer = run->results}};
    const uint32_t count = (uint32_t)run->count;
    const struct stream_dispatch dispatch = {
        .kernel = run->kernel,
        .bindings = bindings,
        .binding_count = 2,
        .push = &count,
        .push_size = sizeof(count),
        .groups = {(count + GROUP - 1) / GROUP, 1, 1},
    };
    enum status st = stream_begin(run->stream);
    st = st ? st : stream_dispatch(run->stream, &dispatch);
    st = st ? st : stream_run(run->stream, TIMEOUT);
    return st ? st : gpu_buffer_read(run->results, 0, run->bits, run->count * sizeof(*run->bits));
}

static void compare(const struct run *run, struct probe_result *out)
{
    size_t at = 0;
    for (size_t i = 0; i < out->count; i++) {
        struct probe_case *c = &out->cases[i];
        for (uint32_t k = 0; k < c->tried; k++, at++) {
            uint32_t expected = probe_cases_expect(&run->sets[at]);
            uint32_t device = nm_canon(run->bits[at]);
            if (k == 0 || (device != expected && c->differ == 0)) {
                c->expected = expected;
                c->device = device;
            }
            c->differ += device != expected;
        }
        c->ok = c->differ == 0;
        out->differ[c->class] += !c->ok;
    }
}

enum status probe_run(struct gpu *gpu, struct probe_result *out)
{
    struct run run = {.gpu = gpu};
    enum status st = STATUS_MEMORY;
    if (!fpenv_is_set()) {
        log_error("the probe needs FTZ and DAZ in the calling thread");
        return STATUS_INTERNAL;
    }
    run.sets = calloc(PROBE_OPERANDS_MAX, sizeof(*run.sets));
    run.bits = calloc(PROBE_OPERANDS_MAX, sizeof(*run.bits));
    if (!run.sets || !run.bits) {
        log_error("no memory for the probe's %d operand sets", PROBE_OPERANDS_MAX);
        goto fail;
    }
    run.count = probe_cases_fill(out, run.sets);
    st = prepare(&run);
    st = st ? st : execute(&run);
    if (!st)
        compare(&run, out);
fail:
    gpu_buffer_destroy(&run.results);
    gpu_buffer_destroy(&run.cases);
    stream_destroy(&run.stream);
    kernel_destroy(&run.kernel);
    free(run.bits);
    free(run.sets);
    return st;
}

static bool is_tolerated(enum probe_class class)
{
    return class == PROBE_DENORMAL || class == PROBE_TININESS;
}

bool probe_admits(const struct probe_result *result, char *reason, size_t reason_size)
{
    const struct probe_case *worst = NULL;
    size_t differ = 0;
    for (size_t i = 0; i < result->count; i++) {
        const struct probe_case *c = &result->cases[i];
        if (c->ok)
            continue;
        differ++;
        if (!worst || (is_tolerated(worst->class) && !is_tolerated(c->class)))
            worst = c;
    }
    if (reason_size > 0)
        reason[0] = '\0';
    if (!worst)
        return true;
    snprintf(reason, reason_size,
             "%zu of %zu cases differ; %s, %s: found %08" PRIx32 ", expected %08" PRIx32, differ,
             result->count, probe_class_name(worst->class), worst->name, worst->device,
             worst->expected);
    return is_tolerated(worst->class);
}

const char *probe_class_name(enum probe_class class)
{
    static const char *const NAMES[PROBE_CLASS_COUNT] = {
        [PROBE_ROUNDING] = "rounding", [PROBE_CONTRACTION] = "contraction",
        [PROBE_SPECIAL] = "special",   [PROBE_ZERO] = "zero",
        [PROBE_CONVERT] = "convert",   [PROBE_DENORMAL] = "denormal",
        [PROBE_TININESS] = "tininess",
    };
    return NAMES[class];
}

/* SPDX-License-Identifier: MIT */
/* The probe of NUMERICS.md 5: cases run on the device, and the judgement of what it found. */
#include "probe/probe.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "base/text.h"
#include "gpu/buffer.h"
#include "gpu/kernel.h"
#include "gpu/stream.h"
#include "probe/probe_work.h"
#include "shader_table.h"

#define TIMEOUT 60.0

struct run {
    struct gpu *gpu;
    struct kernel *kernel;
    struct stream *stream;
    struct gpu_buffer *cases, *results;
    struct probe_work work;
};

static enum status prepare(struct run *run)
{
    const struct kernel_params params = {
        .code = &shader_probe,
        .layout = {.bindings = 3,
                   .push_size = sizeof(uint32_t),
                   .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}},
    };
    const uint64_t sets = run->work.count * sizeof(*run->work.sets);
    const uint64_t words = run->work.words * sizeof(*run->work.device);
    enum status st = kernel_create(&run->kernel, run->gpu, &params);
    st = st ? st : stream_create(&run->stream, run->gpu, NULL);
    st =
        st ? st : gpu_buffer_create(&run->cases, run->gpu, GPU_BUFFER_STORAGE, sets, "probe cases");
    return st ? st
              : gpu_buffer_create(&run->results, run->gpu, GPU_BUFFER_STORAGE, words,
                                  "probe words");
}

static enum status execute(struct run *run)
{
    const struct probe_work *work = &run->work;
    const uint64_t words = work->words * sizeof(*work->device);
    const struct stream_binding bindings[] = {{.buffer = run->cases}, {.buffer = run->results}};
    const uint32_t count = (uint32_t)work->count;
    const struct stream_dispatch dispatch = {
        .kernel = run->kernel,
        .bindings = bindings,
        .binding_count = 2,
        .push = &count,
        .push_size = sizeof(count),
        .groups = {(count + PROBE_GROUP - 1) / PROBE_GROUP, 1, 1},
    };
    enum status st = gpu_buffer_write(run->cases, 0, work->sets, count * sizeof(*work->sets));
    st = st ? st : gpu_buffer_write(run->results, 0, work->device, words);
    st = st ? st : stream_begin(run->stream);
    st = st ? st : stream_dispatch(run->stream, &dispatch);
    st = st ? st : stream_run(run->stream, TIMEOUT);
    return st ? st : gpu_buffer_read(run->results, 0, work->device, words);
}

/* Counts of a further round; the bits shown are those of the first word that differs. */
static void add_round(struct probe_result *out, const struct probe_result *round)
{
    for (size_t i = 0; i < out->count; i++) {
        struct probe_case *c = &out->cases[i];
        const struct probe_case *more = &round->cases[i];
        if (c->ok && !more->ok) {
            out->differ[c->class]++;
            c->expected = more->expected;
            c->device = more->device;
            c->ok = false;
        }
        c->tried += more->tried;
        c->differ += more->differ;
    }
}

static enum status run_round(struct run *run, struct probe_result *out, uint32_t round)
{
    enum status st = probe_work_init(&run->work, out, round);
    if (!st && !run->kernel)
        st = prepare(run);
    st = st ? st : execute(run);
    if (!st)
        probe_work_compare(&run->work, out);
    probe_work_finish(&run->work);
    return st;
}

enum status probe_sweep(struct gpu *gpu, uint32_t rounds, struct probe_result *out)
{
    struct run run = {.gpu = gpu};
    struct probe_result more;
    if (!fpenv_is_set()) {
        log_error("the probe needs FTZ and DAZ in the calling thread");
        return STATUS_INTERNAL;
    }
    enum status st = run_round(&run, out, 0);
    for (uint32_t round = 1; !st && round < rounds; round++) {
        st = run_round(&run, &more, round);
        if (!st)
            add_round(out, &more);
    }
    gpu_buffer_destroy(&run.results);
    gpu_buffer_destroy(&run.cases);
    stream_destroy(&run.stream);
    kernel_destroy(&run.kernel);
    return st;
}

enum status probe_run(struct gpu *gpu, struct probe_result *out)
{
    return probe_sweep(gpu, 1, out);
}

/* --- judgement --- */

static const struct {
    const char *name, *trait;
    bool may_differ;
} CLASSES[PROBE_CLASS_COUNT] = {
    [PROBE_INTEGER] = {"integer", "it computes other integers", false},
    [PROBE_GROUP_WORK] = {"group", "its invocations lose each other's words", false},
    [PROBE_MOVE] = {"move", "it changes floats that it only moves", false},
    [PROBE_ROUNDING] = {"rounding", "it does not round to nearest even", false},
    [PROBE_SPECIAL] = {"special", "it has another NaN or Inf", false},
    [PROBE_ZERO] = {"zero", "it loses the sign of zero", false},
    [PROBE_OPERAND] = {"denormal_operand", "it keeps denormal operands or loses their sign", false},
    [PROBE_RESULT] = {"denormal_result", "it keeps denormal results or loses their sign", false},
    [PROBE_CONTRACTION] = {"contraction", "it fuses a product with a sum", false},
    [PROBE_ORDER] = {"order", "it changes the order of sums", false},
    [PROBE_ABSENT] = {"absent", "what a select leaves out reaches its sum", false},
    [PROBE_CONVERT] = {"convert", "it converts integers to other floats", false},
    [PROBE_STORAGE] = {"storage", "it converts f16 or bf16 in another way", false},
    [PROBE_FUNCTION] = {"function", "it computes other functions", false},
    [PROBE_LITERAL] = {"literal", "it does not flush -0.0 + denormal", true},
    [PROBE_TININESS] = {"tininess", "it flushes before rounding", true},
};

const char *probe_class_name(enum probe_class class)
{
    return CLASSES[class].name;
}

const char *probe_class_trait(enum probe_class class)
{
    return CLASSES[class].trait;
}

bool probe_class_may_differ(enum probe_class class)
{
    return CLASSES[class].may_differ;
}

/* The first case that differs in the plainest class that has one; null: none differs. */
static const struct probe_case *plainest(const struct probe_result *result, uint32_t *out_differ)
{
    const struct probe_case *first = NULL;
    *out_differ = 0;
    for (size_t i = 0; i < result->count; i++) {
        const struct probe_case *c = &result->cases[i];
        *out_differ += !c->ok;
        if (!c->ok && (!first || c->class < first->class))
            first = c;
    }
    return first;
}

/* "zero 4, function 2" */
static void put_counts(struct text *out, const struct probe_result *result)
{
    const char *separator = "";
    for (int class = 0; class < PROBE_CLASS_COUNT; class ++) {
        if (result->differ[class] == 0)
            continue;
        text_addf(out, "%s%s %" PRIu32, separator, CLASSES[class].name, result->differ[class]);
        separator = ", ";
    }
}

bool probe_admits(const struct probe_result *result, char *reason)
{
    uint32_t differ;
    const struct probe_case *c = plainest(result, &differ);
    struct text counts = {0};
    if (reason)
        reason[0] = '\0';
    if (reason && c) {
        put_counts(&counts, result);
        snprintf(reason, PROBE_REASON_SIZE,
                 "%s: %" PRIu32 " of %zu cases differ (%s), first %s: found %08" PRIx32
                 ", expected %08" PRIx32,
                 CLASSES[c->class].trait, differ, result->count, text_of(&counts), c->name,
                 c->device, c->expected);
        text_finish(&counts);
    }
    return !c || CLASSES[c->class].may_differ;
}

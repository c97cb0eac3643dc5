/* SPDX-License-Identifier: MIT */
/* Streams: order, resubmission, timing, and calls that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "gpu/bandwidth.h"
#include "gpu/stream.h"
#include "gpu/stream_internal.h"
#include "gpu_driver.h"
#include "shader_table.h"

#define TIMEOUT 60.0
#define MANY 300

/* A kernel that adds one to a word, the word, and a stream. */
struct bench {
    struct gpu *gpu;
    struct kernel *kernel;
    struct stream *stream;
    struct gpu_buffer *words; /* 16 * 256 bytes: offsets fit every device's alignment */
};

static const struct kernel_params EMPTY = {
    .code = &shader_empty,
    .layout = {.bindings = 1, .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}},
};

static int bench_setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.gpu = *state};
    const struct stream_params timed = {.timing = true};
    const uint32_t zero[1024] = {0};
    assert_int_equal(kernel_create(&bench.kernel, bench.gpu, &EMPTY), STATUS_OK);
    assert_int_equal(stream_create(&bench.stream, bench.gpu, &timed), STATUS_OK);
    assert_int_equal(
        gpu_buffer_create(&bench.words, bench.gpu, GPU_BUFFER_STORAGE, sizeof(zero), "words"),
        STATUS_OK);
    assert_int_equal(gpu_buffer_write(bench.words, 0, zero, sizeof(zero)), STATUS_OK);
    *state = &bench;
    return 0;
}

static int bench_teardown(void **state)
{
    struct bench *b = *state;
    gpu_buffer_destroy(&b->words);
    stream_destroy(&b->stream);
    kernel_destroy(&b->kernel);
    assert_null(b->stream);
    *state = b->gpu;
    return 0;
}

static uint32_t word_at(const struct bench *b, uint64_t offset)
{
    uint32_t word = 0;
    assert_int_equal(gpu_buffer_read(b->words, offset, &word, sizeof(word)), STATUS_OK);
    return word;
}

static enum status add_one(struct bench *b, uint64_t offset)
{
    const struct stream_binding binding = {.buffer = b->words, .offset = offset, .range = 16};
    const struct stream_dispatch dispatch = {
        .kernel = b->kernel, .bindings = &binding, .binding_count = 1, .groups = {1, 1, 1}};
    return stream_dispatch(b->stream, &dispatch);
}

static void run_stream(struct bench *b)
{
    assert_int_equal(stream_submit(b->stream), STATUS_OK);
    assert_int_equal(stream_wait(b->stream, TIMEOUT), STATUS_OK);
}

/* Each dispatch reads what the previous one wrote, also over submits of one recording. */
static void test_order(void **state)
{
    struct bench *b = *state;
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(add_one(b, 0), STATUS_OK);
        stream_barrier(b->stream);
    }
    assert_int_equal(stream_dispatch_count(b->stream), MANY);
    run_stream(b);
    assert_int_equal(word_at(b, 0), MANY);
    run_stream(b);
    run_stream(b);
    assert_int_equal(word_at(b, 0), 3 * MANY);
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    assert_int_equal(stream_dispatch_count(b->stream), 0);
    run_stream(b);
    assert_int_equal(word_at(b, 0), 3 * MANY);
}

static void test_bindings(void **state)
{
    struct bench *b = *state;
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    for (uint32_t i = 0; i < 16; i++) {
        for (uint32_t k = 0; k <= i; k++) {
            assert_int_equal(add_one(b, 256 * (uint64_t)i), STATUS_OK);
            stream_barrier(b->stream);
        }
    }
    run_stream(b);
    for (uint32_t i = 0; i < 16; i++)
        assert_int_equal(word_at(b, 256 * (uint64_t)i), i + 1);
}

/* Two streams submitted at once: the second sees what the first wrote. */
static void test_two_streams(void **state)
{
    struct bench *b = *state;
    struct stream *other = NULL, *own = b->stream;
    assert_int_equal(stream_create(&other, b->gpu, NULL), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        b->stream = i ? other : own;
        assert_int_equal(stream_begin(b->stream), STATUS_OK);
        for (uint32_t k = 0; k < MANY; k++) {
            assert_int_equal(add_one(b, 0), STATUS_OK);
            stream_barrier(b->stream);
        }
    }
    b->stream = own;
    assert_int_equal(stream_submit(own), STATUS_OK);
    assert_int_equal(stream_submit(other), STATUS_OK);
    assert_int_equal(stream_wait(other, TIMEOUT), STATUS_OK);
    assert_int_equal(stream_wait(own, TIMEOUT), STATUS_OK);
    assert_int_equal(word_at(b, 0), 2 * MANY);
    stream_destroy(&other);
}

static void test_copy_and_fill(void **state)
{
    struct bench *b = *state;
    const struct stream_binding part = {.buffer = b->words, .offset = 8, .range = 8};
    const struct stream_binding rest = {.buffer = b->words, .offset = 4000};
    const struct stream_copy copy = {
        .from = b->words, .to = b->words, .from_offset = 8, .to_offset = 100, .size = 4};
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    assert_int_equal(stream_fill(b->stream, &part, 0x11223344), STATUS_OK);
    assert_int_equal(stream_fill(b->stream, &rest, 7), STATUS_OK);
    stream_barrier(b->stream);
    assert_int_equal(stream_copy(b->stream, &copy), STATUS_OK);
    run_stream(b);
    assert_int_equal(word_at(b, 4), 0);
    assert_int_equal(word_at(b, 8), 0x11223344);
    assert_int_equal(word_at(b, 12), 0x11223344);
    assert_int_equal(word_at(b, 16), 0);
    assert_int_equal(word_at(b, 100), 0x11223344);
    assert_int_equal(word_at(b, 104), 0);
    assert_int_equal(word_at(b, 4092), 7);
    assert_int_equal(word_at(b, 3996), 0);
}

static void test_timing(void **state)
{
    struct bench *b = *state;
    struct stream_time times[4];
    size_t count = 99;
    if (!gpu_get_info(b->gpu)->timestamps)
        skip();
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(add_one(b, 0), STATUS_OK);
        stream_barrier(b->stream);
    }
    double start = clock_seconds();
    run_stream(b);
    double wall = clock_seconds() - start, sum = 0;
    assert_int_equal(stream_times(b->stream, times, 4, &count), STATUS_OK);
    assert_int_equal(count, 6);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(times[i].label, "empty");
        assert_true(times[i].seconds >= 0);
        sum += times[i].seconds;
    }
    assert_true(sum <= wall);
}

static void refuse(const struct bench *b, const struct stream_dispatch *dispatch,
                   enum status expected, const char *word)
{
    assert_int_equal(stream_dispatch(b->stream, dispatch), expected);
    if (!strstr(log_last_error(), word))
        fail_msg("found '%s', expected '%s' in it", log_last_error(), word);
}

static void test_refused(void **state)
{
    struct bench *b = *state;
    const struct gpu_info *info = gpu_get_info(b->gpu);
    struct stream_binding binding = {.buffer = b->words};
    struct stream_dispatch d = {
        .kernel = b->kernel, .bindings = &binding, .binding_count = 1, .groups = {1, 1, 1}};
    const uint32_t push = 0;
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    d.binding_count = 0;
    refuse(b, &d, STATUS_INTERNAL, "bindings");
    d.binding_count = 1;
    d.push = &push;
    d.push_size = 4;
    refuse(b, &d, STATUS_INTERNAL, "push");
    d.push_size = 0;
    binding.offset = 4;
    if (info->storage_alignment > 4)
        refuse(b, &d, STATUS_INTERNAL, "align");
    binding.offset = 4096;
    refuse(b, &d, STATUS_INTERNAL, "the buffer has 4096");
    binding.offset = 256;
    binding.range = 4000;
    refuse(b, &d, STATUS_INTERNAL, "the buffer has 4096");
    binding = (struct stream_binding){.buffer = b->words};
    if (info->max_group_count[1] < UINT32_MAX) {
        d.groups[1] = info->max_group_count[1] + 1;
        refuse(b, &d, STATUS_DEVICE_MEMORY, "workgroups");
    }
    d.groups[1] = 0;
    assert_int_equal(stream_dispatch(b->stream, &d), STATUS_OK);
    assert_int_equal(stream_dispatch_count(b->stream), 0);
    const struct stream_copy copy = {
        .from = b->words, .to = b->words, .to_offset = 4096, .size = 4};
    assert_int_equal(stream_copy(b->stream, &copy), STATUS_INTERNAL);
    const struct stream_binding odd = {.buffer = b->words, .offset = 2, .range = 8};
    assert_int_equal(stream_fill(b->stream, &odd, 0), STATUS_INTERNAL);
    run_stream(b);
}

/* One buffer at two bindings: only if the shader says that they may be one. */
static void test_bound_twice(void **state)
{
    const struct bench *b = *state;
    struct kernel *kernel = NULL;
    const struct kernel_params params = {
        .code = &shader_probe,
        .layout = {.bindings = 3,
                   .push_size = 4,
                   .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}}};
    const struct stream_binding same[] = {{.buffer = b->words}, {.buffer = b->words}};
    const struct stream_binding apart[] = {{.buffer = b->words, .range = 1024},
                                           {.buffer = b->words, .offset = 1024}};
    const uint32_t none = 0;
    const struct stream_dispatch d = {
        .bindings = same, .binding_count = 2, .push = &none, .push_size = 4, .groups = {1, 1, 1}};
    struct stream_dispatch twice = d;
    assert_int_equal(kernel_create(&kernel, b->gpu, &params), STATUS_OK);
    twice.kernel = kernel;
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    refuse(b, &twice, STATUS_INTERNAL, "expected both Aliased");
    kernel->aliased = 1; /* one of them is not enough */
    refuse(b, &twice, STATUS_INTERNAL, "expected both Aliased");
    kernel->aliased = 3;
    assert_int_equal(stream_dispatch(b->stream, &twice), STATUS_OK);
    kernel->aliased = 0;
    twice.bindings = apart;
    assert_int_equal(stream_dispatch(b->stream, &twice), STATUS_OK);
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    kernel_destroy(&kernel);
}

/* A device sees what the host has pushed, the host what the device has when it is pulled. */
static void check_shared(struct gpu *gpu, bool apart)
{
    struct gpu_buffer *shared = NULL, *device = NULL;
    struct stream *stream = NULL;
    uint32_t word[2] = {0};
    assert_int_equal(gpu_buffer_create(&shared, gpu, GPU_BUFFER_SHARED, 64, "shared"), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&device, gpu, GPU_BUFFER_STORAGE, 64, "device"), STATUS_OK);
    assert_int_equal(stream_create(&stream, gpu, NULL), STATUS_OK);
    assert_int_equal(shared->copy != NULL, apart);
    uint32_t *host = gpu_buffer_mapped(shared);
    const struct stream_span spans[] = {{shared, 4, 4}, {shared, 12, 0}, {shared, 32, 8}};
    for (uint32_t i = 0; i < 16; i++)
        host[i] = 100 + i;
    assert_int_equal(stream_begin(stream), STATUS_OK);
    assert_int_equal(stream_push(stream, spans, 3), STATUS_OK);
    assert_int_equal(
        stream_copy(stream, &(struct stream_copy){.from = shared, .to = device, .size = 64}),
        STATUS_OK);
    stream_barrier(stream);
    assert_int_equal(stream_fill(stream, &(struct stream_binding){.buffer = shared}, 7), STATUS_OK);
    assert_int_equal(stream_pull(stream, &spans[2], 1), STATUS_OK);
    assert_int_equal(stream_run(stream, TIMEOUT), STATUS_OK);
    assert_int_equal(gpu_buffer_read(device, 4, word, 4), STATUS_OK);
    assert_int_equal(word[0], 101);
    assert_int_equal(gpu_buffer_read(device, 32, word, 8), STATUS_OK);
    assert_true(word[0] == 108 && word[1] == 109);
    assert_true(host[8] == 7 && host[9] == 7);
    assert_int_equal(host[7], apart ? 107 : 7); /* not pulled */
    gpu_buffer_destroy(&shared);
    gpu_buffer_destroy(&device);
    stream_destroy(&stream);
}

static void test_shared(void **state)
{
    const struct bench *b = *state;
    struct gpu *gpu = NULL;
    check_shared(b->gpu, !gpu_get_info(b->gpu)->host_visible);
    assert_int_equal(gpu_open(&gpu, &(struct gpu_params){.unmapped = true}), STATUS_OK);
    check_shared(gpu, true);
    gpu_close(&gpu);
}

static void test_range_limit(void **state)
{
    struct bench *b = *state;
    const struct gpu_info *info = gpu_get_info(b->gpu);
    struct gpu_buffer *large = NULL;
    if (info->max_storage_range > 1 << 28 || info->max_alloc < 1 << 28)
        skip();
    assert_int_equal(gpu_buffer_create(&large, b->gpu, GPU_BUFFER_STORAGE,
                                       info->max_storage_range + 256, "large"),
                     STATUS_OK);
    struct stream_binding binding = {.buffer = large};
    struct stream_dispatch d = {
        .kernel = b->kernel, .bindings = &binding, .binding_count = 1, .groups = {1, 1, 1}};
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    refuse(b, &d, STATUS_DEVICE_MEMORY, "the device allows");
    binding.offset = 256;
    assert_int_equal(stream_dispatch(b->stream, &d), STATUS_OK);
    run_stream(b);
    gpu_buffer_destroy(&large);
}

/* Calls in a wrong order are refused. */
static void test_states(void **state)
{
    struct bench *b = *state;
    size_t count;
    assert_int_equal(stream_submit(b->stream), STATUS_INTERNAL);
    assert_int_equal(stream_wait(b->stream, 1), STATUS_INTERNAL);
    assert_int_equal(add_one(b, 0), STATUS_INTERNAL);
    stream_barrier(b->stream);
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    assert_int_equal(stream_wait(b->stream, 1), STATUS_INTERNAL);
    assert_int_equal(stream_times(b->stream, NULL, 0, &count), STATUS_INTERNAL);
    assert_int_equal(add_one(b, 0), STATUS_OK);
    /* a recording that was never submitted is dropped */
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    assert_int_equal(stream_dispatch_count(b->stream), 0);
    assert_int_equal(add_one(b, 0), STATUS_OK);
    assert_int_equal(stream_submit(b->stream), STATUS_OK);
    assert_int_equal(stream_submit(b->stream), STATUS_INTERNAL);
    assert_int_equal(stream_begin(b->stream), STATUS_INTERNAL);
    assert_int_equal(stream_wait(b->stream, TIMEOUT), STATUS_OK);
    assert_int_equal(stream_wait(b->stream, 1), STATUS_INTERNAL);
    assert_int_equal(word_at(b, 0), 1);
}

/* A submit whose last word never comes: the result of a driver that cancels work silently. */
static void test_canary(void **state)
{
    struct bench *b = *state;
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    assert_int_equal(stream_log_record(b->stream), STATUS_OK);
    b->stream->state = STREAM_READY;
    assert_int_equal(stream_submit(b->stream), STATUS_OK);
    assert_int_equal(stream_wait(b->stream, TIMEOUT), STATUS_DEVICE);
    assert_non_null(strstr(log_last_error(), "dropped"));
    assert_false(gpu_is_lost(b->gpu));
}

/* Sets of buffers that went away are forgotten, whatever address their successors get. */
static void test_buffers_come_and_go(void **state)
{
    struct bench *b = *state;
    struct gpu_buffer *kept = b->words;
    for (uint32_t i = 0; i < 400; i++) {
        const uint32_t value = i;
        assert_int_equal(gpu_buffer_create(&b->words, b->gpu, GPU_BUFFER_STORAGE, 16, "short"),
                         STATUS_OK);
        assert_int_equal(gpu_buffer_write(b->words, 0, &value, 4), STATUS_OK);
        assert_int_equal(stream_begin(b->stream), STATUS_OK);
        assert_int_equal(add_one(b, 0), STATUS_OK);
        run_stream(b);
        assert_int_equal(word_at(b, 0), i + 1);
        gpu_buffer_destroy(&b->words);
    }
    b->words = kept;
}

static void test_bandwidth(void **state)
{
    struct bench *b = *state;
    double bytes = 0, seconds = 0;
    assert_int_equal(bandwidth_read(b->gpu, 8 << 20, &bytes), STATUS_OK);
    assert_true(bytes > 1e6 && bytes < 1e14);
    assert_int_equal(bandwidth_dispatch(b->gpu, &seconds), STATUS_OK);
    assert_true(seconds > 1e-8 && seconds < 1);
    assert_int_equal(bandwidth_read(b->gpu, 1, &bytes), STATUS_INPUT);
    print_message("%s: dispatch and barrier %.1f us\n", gpu_get_info(b->gpu)->name, seconds * 1e6);
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, bench_setup, bench_teardown, gpu                                              \
    }

static int run(void)
{
    struct gpu *gpu = gpu_driver_open();
    if (!gpu)
        return GPU_DRIVER_SKIP;
    const struct CMUnitTest tests[] = {
        TEST(test_order),  TEST(test_bindings),    TEST(test_two_streams),
        TEST(test_timing), TEST(test_refused),     TEST(test_copy_and_fill),
        TEST(test_states), TEST(test_range_limit), TEST(test_buffers_come_and_go),
        TEST(test_canary), TEST(test_bandwidth),   TEST(test_bound_twice),
        TEST(test_shared),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uint32_t messages = gpu_validation_messages(gpu);
    uint64_t used = gpu_memory_used(gpu);
    gpu_close(&gpu);
    return failed || messages || used > 32 ? 1 : 0;
}

int main(void)
{
    return gpu_driver_main(run);
}

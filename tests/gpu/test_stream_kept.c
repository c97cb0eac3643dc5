/* SPDX-License-Identifier: MIT */
/* Streams submit a command buffer again instead of recording it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/stream.h"
#include "gpu/stream_internal.h"
#include "gpu_driver.h"
#include "shader_table.h"

#define TIMEOUT 60.0
#define WORDS 1024

/* A kernel that adds one to a word, the words, and a stream. */
struct bench {
    struct gpu *gpu;
    struct kernel *kernel;
    struct stream *stream;
    struct gpu_buffer *words;
};

static void make_words(struct bench *b, uint32_t n)
{
    const uint32_t zero[WORDS] = {0};
    assert_int_equal(
        gpu_buffer_create(&b->words, b->gpu, GPU_BUFFER_STORAGE, n * sizeof(*zero), "words"),
        STATUS_OK);
    assert_int_equal(gpu_buffer_write(b->words, 0, zero, n * sizeof(*zero)), STATUS_OK);
}

static void open_bench(struct bench *b, struct gpu *gpu)
{
    const struct kernel_params empty = {
        .code = &shader_empty,
        .layout = {.bindings = 1,
                   .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}}};
    *b = (struct bench){.gpu = gpu};
    assert_int_equal(kernel_create(&b->kernel, gpu, &empty), STATUS_OK);
    assert_int_equal(stream_create(&b->stream, gpu, NULL), STATUS_OK);
}

static void close_bench(struct bench *b)
{
    gpu_buffer_destroy(&b->words);
    stream_destroy(&b->stream);
    kernel_destroy(&b->kernel);
}

static uint32_t word_at(const struct bench *b, uint64_t offset)
{
    uint32_t word = 0;
    assert_int_equal(gpu_buffer_read(b->words, offset, &word, sizeof(word)), STATUS_OK);
    return word;
}

static void add_one(const struct bench *b, uint64_t offset)
{
    const struct stream_binding binding = {.buffer = b->words, .offset = offset, .range = 16};
    assert_int_equal(stream_dispatch(b->stream, &(struct stream_dispatch){.kernel = b->kernel,
                                                                          .bindings = &binding,
                                                                          .binding_count = 1,
                                                                          .groups = {1, 1, 1}}),
                     STATUS_OK);
}

static void run_stream(const struct bench *b)
{
    assert_int_equal(stream_run(b->stream, TIMEOUT), STATUS_OK);
}

/* A work of its own for each i: so many additions at a place of its own, a fill and a copy beside.
 */
static void run_shape(const struct bench *b, uint32_t i)
{
    const struct stream_binding fill = {.buffer = b->words, .offset = 3840, .range = 16};
    const uint64_t to = 3856 + 16 * (i % 2);
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
    for (uint32_t k = 0; k <= i % 3; k++) {
        add_one(b, 256 * (uint64_t)i);
        stream_barrier(b->stream);
    }
    assert_int_equal(stream_fill(b->stream, &fill, i), STATUS_OK);
    stream_barrier(b->stream);
    assert_int_equal(
        stream_copy(b->stream, &(struct stream_copy){b->words, b->words, 3840, to, 16}), STATUS_OK);
    run_stream(b);
    assert_int_equal(word_at(b, to), i);
}

/* Works in any order: each of a few is recorded once, more of them again and again, with the same
 * results. */
static void test_kept(void **state)
{
    enum { SHAPES = 2 * STREAM_KEPT, ROUNDS = 40 };
    struct bench b;
    uint32_t count[SHAPES] = {0}, seed = 12345;
    open_bench(&b, *state);
    make_words(&b, WORDS);
    for (uint32_t n = STREAM_KEPT; n <= SHAPES; n += STREAM_KEPT) {
        const uint64_t before = stream_recording_count(b.stream);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            seed = seed * 1664525 + 1013904223;
            const uint32_t i = round < n ? round : (seed >> 16) % n;
            run_shape(&b, i);
            count[i] += i % 3 + 1;
        }
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(word_at(&b, 256 * (uint64_t)i), count[i]);
        const uint64_t recorded = stream_recording_count(b.stream) - before;
        if (n == STREAM_KEPT)
            assert_int_equal(recorded, STREAM_KEPT);
        else
            assert_in_range(recorded, STREAM_KEPT, ROUNDS);
    }
    close_bench(&b);
}

/* A buffer where another one was, whose handle it may have: recorded anew. */
static void test_stale(void **state)
{
    struct bench b;
    open_bench(&b, *state);
    for (uint32_t i = 0; i < 6; i++) {
        make_words(&b, 64);
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(stream_begin(b.stream), STATUS_OK);
            add_one(&b, 0);
            run_stream(&b);
        }
        assert_int_equal(word_at(&b, 0), 3);
        assert_int_equal(stream_recording_count(b.stream), i + 1);
        gpu_buffer_destroy(&b.words);
    }
    close_bench(&b);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_stale)};
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}

/* SPDX-License-Identifier: MIT */
/* Buffers: contents, limits, accounting, mapped and unmapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/buffer.h"
#include "gpu_driver.h"

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static void fill_pattern(uint8_t *data, uint64_t from, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        data[i] = pattern(from + i);
}

static void check_round_trip(struct gpu *gpu, enum gpu_buffer_use use, uint64_t size)
{
    struct gpu_buffer *buffer = NULL;
    uint8_t *data = malloc(size), *back = calloc(1, size);
    assert_true(data && back);
    fill_pattern(data, 0, size);
    assert_int_equal(gpu_buffer_create(&buffer, gpu, use, size, "round trip"), STATUS_OK);
    assert_true(gpu_buffer_size(buffer) >= size && gpu_buffer_size(buffer) < size + 16);
    assert_int_equal(gpu_buffer_write(buffer, 0, data, size), STATUS_OK);
    assert_int_equal(gpu_buffer_read(buffer, 0, back, size), STATUS_OK);
    assert_memory_equal(data, back, size);

    /* a piece in the middle changes nothing else */
    uint32_t word = 0xdeadbeef;
    uint64_t middle = size / 2 / 4 * 4;
    memcpy(data + middle, &word, sizeof(word));
    assert_int_equal(gpu_buffer_write(buffer, middle, &word, sizeof(word)), STATUS_OK);
    assert_int_equal(gpu_buffer_read(buffer, 0, back, size), STATUS_OK);
    assert_memory_equal(data, back, size);
    gpu_buffer_destroy(&buffer);
    assert_null(buffer);
    free(data);
    free(back);
}

static void test_round_trip(void **state)
{
    /* the last is longer than the staging buffer and no multiple of it */
    static const uint64_t SIZES[] = {8, 4096, 100000, (UINT64_C(20) << 20) + 12};
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(*SIZES); i++) {
        check_round_trip(*state, GPU_BUFFER_STORAGE, SIZES[i]);
        check_round_trip(*state, GPU_BUFFER_READBACK, SIZES[i]);
        check_round_trip(*state, GPU_BUFFER_UPLOAD, SIZES[i]);
    }
}

static void test_mapped(void **state)
{
    struct gpu *gpu = *state;
    struct gpu_buffer *buffer = NULL;
    for (enum gpu_buffer_use use = GPU_BUFFER_STORAGE; use <= GPU_BUFFER_UPLOAD; use++) {
        bool expected = use != GPU_BUFFER_STORAGE || gpu_get_info(gpu)->host_visible;
        assert_int_equal(gpu_buffer_create(&buffer, gpu, use, 64, "mapped"), STATUS_OK);
        assert_int_equal(gpu_buffer_mapped(buffer) != NULL, expected);
        gpu_buffer_destroy(&buffer);
    }
}

static void test_accounting(void **state)
{
    struct gpu *gpu = *state;
    struct gpu_buffer *a = NULL, *b = NULL;
    uint64_t before = gpu_memory_used(gpu);
    assert_int_equal(gpu_buffer_create(&a, gpu, GPU_BUFFER_STORAGE, 1 << 20, "a"), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&b, gpu, GPU_BUFFER_STORAGE, 1 << 21, "b"), STATUS_OK);
    assert_in_range(gpu_memory_used(gpu) - before, 3 << 20, (3 << 20) + (2 << 16));
    assert_true(gpu_memory_peak(gpu) >= gpu_memory_used(gpu));
    gpu_buffer_destroy(&a);
    gpu_buffer_destroy(&b);
    assert_int_equal(gpu_memory_used(gpu), before);
}

static void test_limits(void **state)
{
    struct gpu *gpu = *state;
    struct gpu_buffer *buffer = NULL;
    const uint64_t sizes[] = {gpu_get_info(gpu)->max_alloc + 1, UINT64_MAX, UINT64_MAX - 20};
    uint64_t before = gpu_memory_used(gpu);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, sizes[i], "too large"),
                         STATUS_DEVICE_MEMORY);
        assert_null(buffer);
        assert_non_null(strstr(log_last_error(), "too large"));
        assert_non_null(strstr(log_last_error(), "bytes"));
    }
    assert_int_equal(gpu_memory_used(gpu), before);
}

/* Copies outside the buffer are refused, not made. */
static void test_range(void **state)
{
    struct gpu *gpu = *state;
    struct gpu_buffer *buffer = NULL;
    uint32_t words[8] = {0};
    assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, 32, "range"), STATUS_OK);
    assert_int_equal(gpu_buffer_write(buffer, 4, words, 32), STATUS_INTERNAL);
    assert_int_equal(gpu_buffer_read(buffer, 36, words, 0), STATUS_INTERNAL);
    assert_int_equal(gpu_buffer_read(buffer, UINT64_MAX, words, 4), STATUS_INTERNAL);
    assert_int_equal(gpu_buffer_write(buffer, 0, words, UINT64_MAX), STATUS_INTERNAL);
    assert_int_equal(gpu_buffer_write(buffer, 32, words, 0), STATUS_OK);
    gpu_buffer_destroy(&buffer);
}

static void test_memory_limit(void **state)
{
    (void)state;
    struct gpu *gpu = NULL;
    struct gpu_buffer *a = NULL, *b = NULL;
    const struct gpu_params params = {.memory_limit = 1 << 20};
    assert_int_equal(gpu_open(&gpu, &params), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&a, gpu, GPU_BUFFER_STORAGE, 600 << 10, "a"), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&b, gpu, GPU_BUFFER_STORAGE, 600 << 10, "b"),
                     STATUS_DEVICE_MEMORY);
    assert_non_null(strstr(log_last_error(), "614400"));
    gpu_buffer_destroy(&a);
    assert_int_equal(gpu_buffer_create(&b, gpu, GPU_BUFFER_STORAGE, 600 << 10, "b"), STATUS_OK);
    gpu_buffer_destroy(&b);
    gpu_close(&gpu);
}

/* The same tests as on a device whose memory cannot be mapped. */
static void test_unmapped(void **state)
{
    (void)state;
    struct gpu *gpu = NULL;
    struct gpu_buffer *buffer = NULL;
    uint32_t word = 0;
    const struct gpu_params params = {.unmapped = true};
    assert_int_equal(gpu_open(&gpu, &params), STATUS_OK);
    void *as_state = gpu;
    assert_false(gpu_get_info(gpu)->host_visible);
    test_round_trip(&as_state);
    test_mapped(&as_state);
    test_range(&as_state);
    assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, 64, "odd"), STATUS_OK);
    assert_int_equal(gpu_buffer_write(buffer, 2, &word, 4), STATUS_INTERNAL);
    assert_int_equal(gpu_buffer_write(buffer, 0, &word, 3), STATUS_INTERNAL);
    gpu_buffer_destroy(&buffer);
    gpu_close(&gpu);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_mapped),
        cmocka_unit_test(test_accounting), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_range),      cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_unmapped),
    };
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}

/* SPDX-License-Identifier: MIT */
/* A device that is lost or never answers: one line, and no call that hangs afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/gpu_internal.h"
#include "gpu_driver.h"
#include "shader_table.h"

static const struct kernel_params EMPTY = {
    .code = &shader_empty,
    .layout = {.bindings = 1, .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}},
};

/* Everything returns STATUS_DEVICE_LOST and no result. */
static void expect_lost(struct gpu *gpu, struct stream *stream, struct gpu_buffer *buffer)
{
    struct kernel *kernel = NULL;
    struct stream *other = NULL;
    struct gpu_buffer *more = NULL;
    uint32_t word = 0;
    assert_true(gpu_is_lost(gpu));
    assert_int_equal(kernel_create(&kernel, gpu, &EMPTY), STATUS_DEVICE_LOST);
    assert_int_equal(stream_create(&other, gpu, NULL), STATUS_DEVICE_LOST);
    assert_int_equal(stream_begin(stream), STATUS_DEVICE_LOST);
    assert_int_equal(stream_submit(stream), STATUS_DEVICE_LOST);
    assert_int_equal(stream_wait(stream, 1), STATUS_DEVICE_LOST);
    assert_int_equal(gpu_buffer_create(&more, gpu, GPU_BUFFER_STORAGE, 16, "more"),
                     STATUS_DEVICE_LOST);
    assert_int_equal(gpu_buffer_read(buffer, 0, &word, 4), STATUS_DEVICE_LOST);
    assert_true(!kernel && !other && !more);
}

static void test_lost(void **state)
{
    (void)state;
    struct gpu *gpu = NULL;
    struct stream *stream = NULL;
    struct gpu_buffer *buffer = NULL;
    assert_int_equal(gpu_open(&gpu, NULL), STATUS_OK);
    assert_int_equal(stream_create(&stream, gpu, NULL), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, 16, "word"), STATUS_OK);
    assert_int_equal(gpu_fail(gpu, VK_ERROR_DEVICE_LOST, "gpu->vk.vkQueueSubmit(q)", "a/b.c", 7),
                     STATUS_DEVICE_LOST);
    assert_non_null(strstr(log_last_error(), "vkQueueSubmit(q): VK_ERROR_DEVICE_LOST"));
    assert_non_null(strstr(log_last_error(), "b.c:7"));
    expect_lost(gpu, stream, buffer);
    gpu_buffer_destroy(&buffer);
    stream_destroy(&stream);
    gpu_close(&gpu);
}

static void test_codes(void **state)
{
    (void)state;
    assert_int_equal(gpu_fail(NULL, VK_ERROR_OUT_OF_DEVICE_MEMORY, "f()", "a.c", 1),
                     STATUS_DEVICE_MEMORY);
    assert_int_equal(gpu_fail(NULL, VK_ERROR_OUT_OF_HOST_MEMORY, "f()", "a.c", 1), STATUS_MEMORY);
    assert_int_equal(gpu_fail(NULL, VK_ERROR_UNKNOWN, "f()", "a.c", 1), STATUS_DEVICE);
    assert_int_equal(gpu_fail(NULL, (VkResult)-77, "f()", "a.c", 1), STATUS_DEVICE);
    assert_string_equal(log_last_error(), "f(): unknown VkResult (-77) at a.c:1");
}

/* The device gives no answer in time. Nothing is freed, since it may still write: this runs last.
 */
static void test_timeout(void **state)
{
    (void)state;
    struct gpu *gpu = NULL;
    struct kernel *kernel = NULL;
    struct stream *stream = NULL;
    struct gpu_buffer *buffer = NULL;
    assert_int_equal(gpu_open(&gpu, NULL), STATUS_OK);
    assert_int_equal(stream_create(&stream, gpu, NULL), STATUS_OK);
    assert_int_equal(kernel_create(&kernel, gpu, &EMPTY), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, 16, "word"), STATUS_OK);
    const struct stream_binding binding = {.buffer = buffer};
    const struct stream_dispatch dispatch = {
        .kernel = kernel, .bindings = &binding, .binding_count = 1, .groups = {60000, 60, 1}};
    assert_int_equal(stream_begin(stream), STATUS_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(stream_dispatch(stream, &dispatch), STATUS_OK);
    assert_int_equal(stream_submit(stream), STATUS_OK);
    assert_int_equal(stream_wait(stream, 1e-6), STATUS_DEVICE_LOST);
    assert_non_null(strstr(log_last_error(), "no answer"));
    expect_lost(gpu, stream, buffer);
    gpu_buffer_destroy(&buffer);
    stream_destroy(&stream);
    kernel_destroy(&kernel);
    gpu_close(&gpu);
    assert_null(gpu);
}

static int run(void)
{
    if (!gpu_driver_is_here())
        return GPU_DRIVER_SKIP;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_timeout),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fflush(NULL);
    /* The abandoned work is still running: neither libraries nor a leak check may look at it. */
    _exit(failed ? 1 : 0);
}

int main(void)
{
    return gpu_driver_main(run);
}

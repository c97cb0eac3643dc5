/* SPDX-License-Identifier: MIT */
/* Texel bindings: compared with the shader, read earlier writes, end where they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/stream.h"
#include "gpu_driver.h"
#include "shader_table.h"
#include "shared/hook.h"
#include "shared/push.h"

#define TIMEOUT 60.0
#define QUADS 64u
#define OFFSET 256u /* bytes, fits every device's alignment */

static const uint32_t SPECS[] = {SPEC_ACT, SPEC_LANES_X, HOOK_SPEC_ID};
static const struct kernel_constant LANES[] = {{SPEC_LANES_X, 8}};

/* The true layout of add.comp reading its inputs (binding 1) as texels. */
static struct kernel_params truth(void)
{
    return (struct kernel_params){
        .code = &shader_add_texel,
        .layout = {.bindings = 3 | 1u << HOOK_BINDING,
                   .texels = 1u << 1,
                   .push_size = sizeof(struct push_add),
                   .spec_count = 3,
                   .spec_ids = SPECS,
                   .local_size_id = {SPEC_LANES_X, KERNEL_LITERAL, KERNEL_LITERAL}},
        .constants = LANES,
        .constant_count = 1,
    };
}

static void skip_without_texels(const struct gpu *gpu)
{
    if (gpu_get_info(gpu)->max_texels == 0)
        skip();
}

static void test_layout(void **state)
{
    struct kernel_params p = truth();
    struct kernel *kernel = NULL;
    skip_without_texels(*state);
    for (uint32_t texels = 0; texels < 8; texels++) {
        p.layout.texels = texels;
        if (texels == 1u << 1)
            continue;
        assert_int_equal(kernel_create(&kernel, *state, &p), STATUS_INTERNAL);
        assert_non_null(strstr(log_last_error(), "texel buffer bindings"));
    }
    p = truth();
    p.code = &shader_add; /* the same kernel with storage buffers only */
    assert_int_equal(kernel_create(&kernel, *state, &p), STATUS_INTERNAL);
}

struct bench {
    struct kernel *kernel;
    struct stream *stream;
    struct gpu_buffer *words, *hooks;
};

static void bench_init(struct bench *b, struct gpu *gpu, uint64_t bytes)
{
    const struct kernel_params p = truth();
    *b = (struct bench){0};
    assert_int_equal(kernel_create(&b->kernel, gpu, &p), STATUS_OK);
    assert_int_equal(stream_create(&b->stream, gpu, NULL), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&b->words, gpu, GPU_BUFFER_STORAGE, bytes, "words"),
                     STATUS_OK);
    assert_int_equal(
        gpu_buffer_create(&b->hooks, gpu, GPU_BUFFER_READBACK, sizeof(struct hook_data), "hooks"),
        STATUS_OK);
    assert_int_equal(stream_begin(b->stream), STATUS_OK);
}

static void bench_finish(struct bench *b)
{
    gpu_buffer_destroy(&b->words);
    gpu_buffer_destroy(&b->hooks);
    stream_destroy(&b->stream);
    kernel_destroy(&b->kernel);
}

/* Quad i of the buffer, from quad `dst` on, becomes the sum of those from `offset` on with itself.
 */
static enum status twice(struct bench *b, uint64_t offset, uint64_t range, uint32_t dst)
{
    const struct push_add push = {.dst = dst, .quads = QUADS};
    const struct stream_binding bindings[] = {
        {.buffer = b->words}, {b->words, offset, range}, [HOOK_BINDING] = {.buffer = b->hooks}};
    const struct stream_dispatch d = {.kernel = b->kernel,
                                      .bindings = bindings,
                                      .binding_count = HOOK_BINDING + 1,
                                      .push = &push,
                                      .push_size = sizeof(push),
                                      .groups = {QUADS / 8, 1, 1}};
    const enum status st = stream_dispatch(b->stream, &d);
    stream_barrier(b->stream);
    return st;
}

/* x, then 2 x, then 4 x: each dispatch reads through a view what the previous one stored. */
static void test_reads(void **state)
{
    float values[3 * QUADS * 4 + OFFSET / 4] = {0};
    float *first = values + OFFSET / 4;
    struct bench b;
    skip_without_texels(*state);
    bench_init(&b, *state, sizeof(values));
    for (uint32_t i = 0; i < QUADS * 4; i++)
        first[i] = (float)i - 100.25f;
    assert_int_equal(gpu_buffer_write(b.words, 0, values, sizeof(values)), STATUS_OK);
    assert_int_equal(twice(&b, OFFSET, 16 * QUADS, OFFSET / 16 + QUADS), STATUS_OK);
    assert_int_equal(twice(&b, OFFSET + 16 * QUADS, 0, OFFSET / 16 + 2 * QUADS), STATUS_OK);
    assert_int_equal(stream_submit(b.stream), STATUS_OK);
    assert_int_equal(stream_wait(b.stream, TIMEOUT), STATUS_OK);
    assert_int_equal(gpu_buffer_read(b.words, 0, values, sizeof(values)), STATUS_OK);
    for (uint32_t i = 0; i < QUADS * 4; i++) {
        const float x = (float)i - 100.25f;
        if (first[QUADS * 4 + i] != 2 * x || first[2 * QUADS * 4 + i] != 4 * x)
            fail_msg("element %u: found %g and %g, expected twice and four times %g", i,
                     (double)first[QUADS * 4 + i], (double)first[2 * QUADS * 4 + i], (double)x);
    }
    bench_finish(&b);
}

static void test_limit(void **state)
{
    const struct gpu_info *info = gpu_get_info(*state);
    const uint64_t most = (uint64_t)info->max_texels * 16;
    struct bench b;
    skip_without_texels(*state);
    if (most >= info->max_storage_range || most > 1 << 26)
        skip(); /* storage bindings end first */
    bench_init(&b, *state, most + OFFSET);
    assert_int_equal(twice(&b, 0, 0, 0), STATUS_DEVICE_MEMORY);
    assert_non_null(strstr(log_last_error(), "the device allows"));
    assert_int_equal(twice(&b, OFFSET, 0, 0), STATUS_OK);
    assert_int_equal(stream_submit(b.stream), STATUS_OK);
    assert_int_equal(stream_wait(b.stream, TIMEOUT), STATUS_OK);
    bench_finish(&b);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_limit),
    };
    return gpu_driver_tests(tests, sizeof(tests) / sizeof(*tests));
}

int main(void)
{
    return gpu_driver_main(run);
}

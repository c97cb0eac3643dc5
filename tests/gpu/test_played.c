/* SPDX-License-Identifier: MIT */
/* Devices that are played: small and full heaps, memory that is not visible or not coherent, two
 * equal devices, queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/gpu_internal.h"
#include "gpu/spirv_reflect.h"
#include "gpu_play.h"
#include "shader_table.h"
#include "shared/numerics.h"
#include "shared/push.h"

#define KIB 1024ull
#define STAGING (8192 * KIB) /* of the host's heap, from the first copy on */

static struct gpu *open_played(const char *play)
{
    struct gpu *gpu = NULL;
    assert_int_equal(gpu_play_open(&gpu, play, NULL), STATUS_OK);
    return gpu;
}

static void fill(uint32_t *words, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        words[i] = seed = seed * 1664525u + 1013904223u;
}

/* What is written is read: by copies, and by the host where it sees the buffer. */
static void check_contents(struct gpu_buffer *buffer, uint32_t seed)
{
    const size_t size = (size_t)gpu_buffer_size(buffer);
    uint32_t *in = malloc(size), *out = calloc(1, size);
    assert_true(in && out);
    fill(in, size / 4, seed);
    assert_int_equal(gpu_buffer_write(buffer, 0, in, size), STATUS_OK);
    assert_int_equal(gpu_buffer_read(buffer, 0, out, size), STATUS_OK);
    assert_memory_equal(in, out, size);
    free(in);
    free(out);
}

/* The device writes what the host reads through its mapping, and the other way round. */
static void test_coherent(void **state)
{
    (void)state;
    struct gpu *gpu = open_played("discrete");
    struct gpu_buffer *up, *device, *down;
    struct stream *stream;
    uint32_t words[300];
    assert_false(gpu_get_info(gpu)->host_visible);
    assert_int_equal(gpu_buffer_create(&up, gpu, GPU_BUFFER_UPLOAD, 1200, "up"), STATUS_OK);
    assert_int_equal(gpu_buffer_create(&device, gpu, GPU_BUFFER_STORAGE, 1200, "device"),
                     STATUS_OK);
    assert_int_equal(gpu_buffer_create(&down, gpu, GPU_BUFFER_READBACK, 1200, "down"), STATUS_OK);
    assert_null(gpu_buffer_mapped(device));
    assert_int_equal(stream_create(&stream, gpu, NULL), STATUS_OK);
    for (uint32_t seed = 0; seed < 3; seed++) {
        fill(words, 300, seed);
        memcpy(gpu_buffer_mapped(up), words, sizeof(words));
        assert_int_equal(stream_begin(stream), STATUS_OK);
        assert_int_equal(
            stream_copy(stream, &(struct stream_copy){.from = up, .to = device, .size = 1200}),
            STATUS_OK);
        stream_barrier(stream);
        assert_int_equal(
            stream_copy(stream, &(struct stream_copy){.from = device, .to = down, .size = 1200}),
            STATUS_OK);
        assert_int_equal(stream_run(stream, 60), STATUS_OK);
        assert_memory_equal(gpu_buffer_mapped(down), words, sizeof(words));
    }
    stream_destroy(&stream);
    gpu_buffer_destroy(&up);
    gpu_buffer_destroy(&device);
    gpu_buffer_destroy(&down);
    gpu_close(&gpu);
}

/* The heap of the device holds two of these buffers, the host's the rest. */
static void check_second_choice(const char *play)
{
    struct gpu *gpu = open_played(play);
    struct gpu_buffer *buffers[16] = {NULL};
    size_t n = 0;
    enum status st = STATUS_OK;
    while (n < 16 && !st) {
        st = gpu_buffer_create(&buffers[n], gpu, GPU_BUFFER_STORAGE, 1024 * KIB, "weights");
        if (!st)
            check_contents(buffers[n], (uint32_t)n);
        n += !st;
    }
    assert_int_equal(st, STATUS_DEVICE_MEMORY);
    assert_non_null(strstr(log_last_error(), "buffer weights asks for 1048576 bytes"));
    assert_null(strchr(log_last_error(), '\n'));
    assert_int_equal(n, 2 + 4); /* the host's heap has the staging buffer too */
    assert_true(gpu->told_of_host_memory);
    assert_in_range(gpu->heap_used[0], 2048 * KIB, 2048 * KIB);
    assert_in_range(gpu->heap_used[1], STAGING + 4096 * KIB, STAGING + 4200 * KIB);
    assert_int_equal(gpu_memory_used(gpu), gpu->heap_used[0] + gpu->heap_used[1]);
    for (size_t i = 0; i < n; i++) { /* nothing was overwritten */
        uint32_t words[256], found[256];
        fill(words, 256, (uint32_t)i);
        assert_int_equal(gpu_buffer_read(buffers[i], 0, found, sizeof(found)), STATUS_OK);
        assert_memory_equal(words, found, sizeof(words));
    }
    gpu_buffer_destroy(&buffers[0]); /* room in the device's again */
    assert_int_equal(gpu_buffer_create(&buffers[0], gpu, GPU_BUFFER_STORAGE, 1024 * KIB, "weights"),
                     STATUS_OK);
    assert_int_equal(buffers[0]->heap, 0);
    for (size_t i = 0; i < n; i++)
        gpu_buffer_destroy(&buffers[i]);
    gpu_close(&gpu);
}

static void test_small_heap(void **state)
{
    (void)state;
    check_second_choice("discrete,local=2200000,host=13000000");
}

/* The driver has less than the heap's size: other programs use it. */
static void test_full_heap(void **state)
{
    (void)state;
    check_second_choice("discrete,full=2200000,host=13000000");
}

/* What lies in the host's memory takes nothing from the device's. */
static void test_heaps_apart(void **state)
{
    (void)state;
    struct gpu *gpu = open_played("discrete,local=1100000");
    struct gpu_buffer *host, *device;
    assert_int_equal(gpu_buffer_create(&host, gpu, GPU_BUFFER_READBACK, 4096 * KIB, "results"),
                     STATUS_OK);
    assert_int_equal(gpu_buffer_create(&device, gpu, GPU_BUFFER_STORAGE, 1024 * KIB, "weights"),
                     STATUS_OK);
    assert_int_equal(host->heap, 1);
    assert_int_equal(device->heap, 0);
    assert_false(gpu->told_of_host_memory);
    gpu_buffer_destroy(&host);
    gpu_buffer_destroy(&device);
    assert_int_equal(gpu->heap_used[0], 0);
    gpu_close(&gpu);
}

/* Buffers of random uses and sizes come and go: their contents stay, and so do the accounts. */
static void test_random(void **state)
{
    (void)state;
    struct gpu *gpu = open_played("discrete,local=600000,host=8900000");
    struct gpu_buffer *buffers[12] = {NULL};
    uint32_t words[1], random = 7, refused = 0;
    for (int round = 0; round < 300; round++) {
        fill(words, 1, random);
        random = words[0];
        const uint32_t i = random >> 8 & 15;
        if (i >= 12)
            continue;
        if (buffers[i]) {
            check_contents(buffers[i], random);
            gpu_buffer_destroy(&buffers[i]);
            continue;
        }
        const enum status st = gpu_buffer_create(
            &buffers[i], gpu, (enum gpu_buffer_use)(random >> 12 & 1 ? 0 : 1 + i % 2),
            16 + (random >> 13) % 300000, "random");
        assert_true(!st || st == STATUS_DEVICE_MEMORY);
        refused += st ? 1 : 0;
        assert_true(gpu->heap_used[0] <= 600000 && gpu->heap_used[1] <= 8900000);
    }
    assert_true(refused > 0);
    for (size_t i = 0; i < 12; i++)
        gpu_buffer_destroy(&buffers[i]);
    assert_int_equal(gpu->heap_used[0], 0);
    assert_in_range(gpu_memory_used(gpu), STAGING, STAGING + KIB); /* and the canary */
    gpu_close(&gpu);
}

static enum status open_named(const char *play, const char *selector, struct gpu_info *out)
{
    struct gpu *gpu = NULL;
    const enum status st = gpu_play_open(&gpu, play, selector);
    if (!st)
        *out = *gpu_get_info(gpu);
    gpu_close(&gpu);
    return st;
}

/* Two equal devices: each has a number, a UUID and an address of its own. */
static void test_equal(void **state)
{
    (void)state;
    struct gpu_info info[2], found;
    char text[64];
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), "%u", i);
        assert_int_equal(open_named("discrete,equal", text, &info[i]), STATUS_OK);
        assert_int_equal(info[i].index, i);
    }
    assert_string_equal(info[0].name, info[1].name);
    assert_string_equal(info[0].pci, "0000:3a:00.0");
    assert_string_equal(info[1].pci, "0000:4b:00.0");
    for (uint32_t i = 0; i < 2; i++) {
        const char *u = info[i].uuid;
        char dashes[64];
        snprintf(dashes, sizeof(dashes), "%.8s-%.4s-%.4s-%.4s-%s", u, u + 8, u + 12, u + 16,
                 u + 20);
        const char *const names[] = {u, dashes, info[i].pci, info[i].pci + 5,
                                     i == 0 ? "3A:00.0" : "0000:4B:00.0"};
        for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
            assert_int_equal(open_named("discrete,equal", names[n], &found), STATUS_OK);
            assert_int_equal(found.index, i);
        }
    }
    assert_int_equal(open_named("discrete,equal", NULL, &found), STATUS_OK);
    assert_int_equal(found.index, 0);
    assert_int_equal(open_named("discrete,equal", "LLVMpipe", &found), STATUS_USAGE);
    assert_non_null(strstr(log_last_error(), "fits 2 devices: 0 ("));
    assert_non_null(strstr(log_last_error(), info[0].pci));
    assert_non_null(strstr(log_last_error(), info[1].pci));
    assert_null(strchr(log_last_error(), '\n'));
    assert_int_equal(open_named("discrete,equal", "5c:00.0", &found), STATUS_USAGE);
    assert_non_null(strstr(log_last_error(), "5c:00.0"));
}

/* One device under two drivers has one UUID and one address: only the number tells. */
static void test_same(void **state)
{
    (void)state;
    struct gpu_info first, second;
    assert_int_equal(open_named("discrete,same", "0", &first), STATUS_OK);
    assert_int_equal(open_named("discrete,same", "1", &second), STATUS_OK);
    assert_string_equal(first.uuid, second.uuid);
    assert_int_equal(second.index, 1);
    assert_int_equal(open_named("discrete,same", first.uuid, &second), STATUS_USAGE);
    assert_int_equal(open_named("discrete,same", first.pci, &second), STATUS_USAGE);
    assert_non_null(strstr(log_last_error(), "fits 2 devices"));
}

static void test_queue(void **state)
{
    (void)state;
    struct gpu_buffer *buffer;
    struct gpu *gpu = open_played("discrete,families");
    assert_int_equal(gpu->family, 1); /* the one without graphics */
    assert_int_equal(gpu_buffer_create(&buffer, gpu, GPU_BUFFER_STORAGE, 4096, "b"), STATUS_OK);
    check_contents(buffer, 3);
    gpu_buffer_destroy(&buffer);
    gpu_close(&gpu);
    gpu = open_played("discrete"); /* there is but one family */
    assert_int_equal(gpu->family, 0);
    gpu_close(&gpu);
}

/* A kernel of LINEAR whose sums `y` invocations share. */
static enum status create_shared(struct gpu *gpu, const char *name, uint32_t y)
{
    const struct shader_code *code = shader_find(name);
    struct kernel_constant constant = {SPEC_LANES_Y, y};
    struct spirv_reflect reflect;
    struct spirv module;
    struct kernel *kernel = NULL;
    assert_non_null(code);
    assert_int_equal(spirv_init(&module, code->words, code->size / 4, name), STATUS_OK);
    assert_int_equal(spirv_reflect(&reflect, &module), STATUS_OK);
    struct kernel_params params = {.code = code,
                                   .layout = {.bindings = reflect.bindings,
                                              .push_size = reflect.push_size,
                                              .spec_count = reflect.spec_count,
                                              .spec_ids = reflect.spec_ids},
                                   .constants = &constant,
                                   .constant_count = 1};
    memcpy(params.layout.local_size_id, reflect.local_size_id, sizeof(reflect.local_size_id));
    const enum status st = kernel_create(&kernel, gpu, &params);
    assert_int_equal(kernel != NULL, !st);
    kernel_destroy(&kernel);
    return st;
}

/* Workgroup memory up to the device's limit; a byte more is refused by name and numbers. */
static void test_workgroup_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"linear_q4_1_1", "linear_f32_2"};
    for (uint32_t i = 0; i < 8; i++) {
        const uint32_t columns = 1 + i % 2, y = 2u << i / 2;
        const uint32_t next = (NM_PARTIALS + 1) * 4;                    /* linear_next.glsl */
        const uint32_t bytes = TILE_LANES * y * 4 * columns * 4 + next; /* four rows */
        char play[32], text[96];
        snprintf(play, sizeof(play), "shared=%u", bytes);
        struct gpu *gpu = open_played(play);
        assert_int_equal(create_shared(gpu, names[i % 2], y), STATUS_OK);
        gpu_close(&gpu);
        snprintf(play, sizeof(play), "shared=%u", bytes - 1);
        gpu = open_played(play);
        assert_int_equal(create_shared(gpu, names[i % 2], y), STATUS_DEVICE);
        snprintf(text, sizeof(text),
                 "shader %s: %u bytes of workgroup memory, the device allows %u", names[i % 2],
                 bytes, bytes - 1);
        assert_non_null(strstr(log_last_error(), text));
        assert_null(strchr(log_last_error(), '\n'));
        gpu_close(&gpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coherent),
        cmocka_unit_test(test_small_heap),
        cmocka_unit_test(test_full_heap),
        cmocka_unit_test(test_heaps_apart),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_workgroup_memory),
    };
    fpenv_set();
    if (!gpu_play_init(VKFI_BROKEN_DRIVER)) {
        fprintf(stderr, "skipped: VKFI_ICD_LAVAPIPE names no driver to play on\n");
        return GPU_DRIVER_SKIP;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_play_finish();
    return failed ? 1 : 0;
}

/* SPDX-License-Identifier: MIT */
/* Compiled kernels between runs: kept by a driver that has them (RADV without hardware), by two
 * processes at once, and whatever the file holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <sys/stat.h>

#include "gpu/gpu_internal.h"
#include "gpu_driver.h"
#include "shader_table.h"

#define FILE_MOST (1 << 20)

static char folder[64]; /* FOLDER/a/b is not there at first */

static const struct kernel_params EMPTY = {
    .code = &shader_empty,
    .layout = {.bindings = 1, .local_size_id = {KERNEL_LITERAL, KERNEL_LITERAL, KERNEL_LITERAL}},
};
static const uint32_t BANDWIDTH_IDS[] = {0, 1};
static const struct kernel_params BANDWIDTH = {
    .code = &shader_bandwidth,
    .layout = {.bindings = 3,
               .push_size = 8,
               .spec_count = 2,
               .spec_ids = BANDWIDTH_IDS,
               .local_size_id = {0, KERNEL_LITERAL, KERNEL_LITERAL}},
};

/* Opens the device, makes the kernels, closes it. */
static void compile(const struct kernel_params *one, const struct kernel_params *two)
{
    struct gpu *gpu = NULL;
    const struct gpu_params params = {.kernel_folder = folder, .compile_only = true};
    assert_int_equal(gpu_open(&gpu, &params), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        struct kernel *kernel = NULL;
        if (!(i ? two : one))
            continue;
        assert_int_equal(kernel_create(&kernel, gpu, i ? two : one), STATUS_OK);
        kernel_destroy(&kernel);
    }
    gpu_close(&gpu);
}

/* The one file of the folder; 0 bytes: there is none. */
static size_t read_kept(char path[256], uint8_t *out)
{
    char pattern[128];
    glob_t found;
    size_t n = 0;
    snprintf(pattern, sizeof(pattern), "%s/*", folder);
    path[0] = '\0';
    if (glob(pattern, 0, NULL, &found) == 0) {
        assert_int_equal(found.gl_pathc, 1);
        snprintf(path, 256, "%s", found.gl_pathv[0]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        n = fread(out, 1, FILE_MOST, file);
        fclose(file);
    }
    globfree(&found);
    return n;
}

static void write_kept(const char *path, const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static uint8_t first[FILE_MOST], again[FILE_MOST];

static void test_kept(void **state)
{
    (void)state;
    char path[256];
    compile(NULL, NULL); /* nothing compiled, nothing written */
    assert_int_equal(read_kept(path, first), 0);
    compile(&EMPTY, NULL);
    const size_t n = read_kept(path, first);
    assert_true(n > 100);
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    compile(&EMPTY, NULL); /* all of it was there: the file is left alone */
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    compile(NULL, &BANDWIDTH); /* more than before */
    assert_true(read_kept(path, again) > n);
    assert_int_equal(stat(path, &before), 0);
    compile(&EMPTY, &BANDWIDTH);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

/* Damage of any kind: kernels are made, and the file is whole again. */
static void test_damaged(void **state)
{
    (void)state;
    char path[256];
    uint32_t random = 1;
    compile(&EMPTY, &BANDWIDTH);
    const size_t n = read_kept(path, first);
    assert_true(n > 100);
    for (int i = 0; i < 24; i++) {
        size_t size = n;
        random = random * 1664525u + 1013904223u;
        memcpy(again, first, n);
        if (i % 4 == 0)
            size = i < 12 ? (size_t)i : (random >> 8) % n; /* cut */
        else if (i % 4 == 1)
            memset(again + n, 0, size = 64), size += n; /* longer */
        else
            again[i < 20 ? (size_t)i : (random >> 8) % n] ^= (uint8_t)(1u << (random >> 5 & 7));
        write_kept(path, again, size);
        compile(&EMPTY, &BANDWIDTH);
        assert_int_equal(read_kept(path, again), n);
    }
}

/* Two processes compile different kernels at once: the file has both, and neither is harmed. */
static void test_two_writers(void **state)
{
    (void)state;
    char path[256];
    for (int round = 0; round < 3; round++) {
        pid_t pid[2];
        read_kept(path, again);
        unlink(path);
        for (int i = 0; i < 2; i++) {
            pid[i] = fork();
            if (pid[i] == 0) {
                compile(i ? NULL : &EMPTY, i ? &BANDWIDTH : NULL);
                _exit(0);
            }
        }
        for (int i = 0; i < 2; i++) {
            int code = 0;
            assert_int_equal(waitpid(pid[i], &code, 0), pid[i]);
            assert_int_equal(code, 0);
        }
        assert_true(read_kept(path, first) > 100);
        compile(&EMPTY, &BANDWIDTH);
        const size_t both = read_kept(path, first);
        compile(&EMPTY, &BANDWIDTH);
        assert_int_equal(read_kept(path, again), both);
        assert_memory_equal(first, again, both);
    }
}

/* One that closes last adds its own to what the other wrote meanwhile. */
static void test_merged(void **state)
{
    (void)state;
    char path[256];
    struct gpu *gpu = NULL;
    struct kernel *kernel = NULL;
    const struct gpu_params params = {.kernel_folder = folder, .compile_only = true};
    compile(&EMPTY, &BANDWIDTH);
    const size_t both = read_kept(path, first);
    unlink(path);
    assert_int_equal(gpu_open(&gpu, &params), STATUS_OK);
    assert_int_equal(kernel_create(&kernel, gpu, &EMPTY), STATUS_OK);
    compile(NULL, &BANDWIDTH);
    kernel_destroy(&kernel);
    gpu_close(&gpu);
    assert_int_equal(read_kept(path, again), both);
}

/* A folder that cannot be made or written costs nothing but time. */
static void test_no_folder(void **state)
{
    (void)state;
    char path[256], kept[sizeof(folder)];
    memcpy(kept, folder, sizeof(kept));
    compile(&EMPTY, NULL);
    assert_true(read_kept(path, first) > 100);
    snprintf(folder, sizeof(folder), "%s", "/proc/none/kernels");
    compile(&EMPTY, NULL);
    snprintf(folder, sizeof(folder), "%s", "/dev/null/kernels");
    compile(&EMPTY, NULL);
    memcpy(folder, kept, sizeof(kept));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),      cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_merged),    cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_no_folder),
    };
    char top[] = "/tmp/vkfi_kernels_XXXXXX", command[128];
    assert_non_null(mkdtemp(top));
    snprintf(folder, sizeof(folder), "%s/a/b", top);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", top);
    return system(command) != 0 || failed ? 1 : 0;
}

int main(void)
{
    const char *icd = getenv("VKFI_ICD_RADEON");
    if (getenv(GPU_DRIVER_VAR)) {
        fpenv_set();
        return run();
    }
    if (!icd) {
        fprintf(stderr, "skipped: VKFI_ICD_RADEON names no manifest\n");
        return GPU_DRIVER_SKIP;
    }
    if (!getenv("XDG_RUNTIME_DIR"))
        setenv("XDG_RUNTIME_DIR", "/tmp", 1);
    setenv("RADV_FORCE_FAMILY", "navi21", 1);
    return gpu_driver_again("navi21", icd, NULL);
}

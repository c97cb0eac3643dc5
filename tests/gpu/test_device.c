/* SPDX-License-Identifier: MIT */
/* Devices listed and chosen, and the messages when a driver is missing, crashes or ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu_driver.h"

static void test_list(void **state)
{
    (void)state;
    struct gpu_list list;
    struct gpu_params params = {0};
    char text[1024];
    assert_int_equal(gpu_list(&list, &params), STATUS_OK);
    assert_in_range(list.count, 1, GPU_LIST_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct gpu_info *info = &list.item[i];
        assert_int_equal(info->index, i);
        assert_true(info->name[0] && info->driver_name[0]);
        assert_int_equal(strlen(info->uuid), 32);
        assert_true(info->max_storage_range >= 1 << 27);
        assert_true(info->max_alloc >= info->max_storage_range);
        assert_in_range(info->storage_alignment, 1, 256);
        assert_in_range(info->max_push_size, 128, 1 << 20);
        assert_in_range(info->max_group_invocations, 128, 1 << 20);
        assert_in_range(info->subgroup_size, 1, 128);
        assert_non_null(strstr(gpu_describe(info, text, sizeof(text)), info->name));
        assert_non_null(strstr(text, gpu_kind_name(info->kind)));
    }
}

static enum status open_selected(const char *selector, struct gpu_info *out)
{
    struct gpu *gpu = NULL;
    struct gpu_params params = {.selector = selector};
    enum status st = gpu_open(&gpu, &params);
    if (!st)
        *out = *gpu_get_info(gpu);
    else
        assert_null(gpu);
    gpu_close(&gpu);
    assert_null(gpu);
    return st;
}

static void test_select(void **state)
{
    (void)state;
    struct gpu_info first, info;
    char piece[8];
    assert_int_equal(open_selected(NULL, &first), STATUS_OK);
    assert_int_equal(open_selected("0", &info), STATUS_OK);
    assert_int_equal(info.index, 0);
    snprintf(piece, sizeof(piece), "%.6s", first.name);
    for (char *c = piece; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    assert_int_equal(open_selected(piece, &info), STATUS_OK);
    assert_string_equal(info.uuid, first.uuid);

    assert_int_equal(open_selected("99", &info), STATUS_USAGE);
    assert_non_null(strstr(log_last_error(), "99"));
    assert_int_equal(open_selected("0x", &info), STATUS_USAGE);
    assert_int_equal(open_selected("no such device", &info), STATUS_USAGE);
    assert_non_null(strstr(log_last_error(), "no such device"));
}

/* Two drivers at once: a piece of a name that fits both devices is refused. */
static void test_ambiguous(void **state)
{
    (void)state;
    const char *one = getenv("VKFI_ICD_LAVAPIPE"), *two = getenv("VKFI_ICD_SWIFTSHADER");
    const char *saved = getenv("VK_DRIVER_FILES");
    char both[1024], back[1024];
    struct gpu_info info;
    if (!one || !two)
        skip();
    snprintf(back, sizeof(back), "%s", saved ? saved : "");
    snprintf(both, sizeof(both), "%s:%s", one, two);
    setenv("VK_DRIVER_FILES", both, 1);
    assert_int_equal(open_selected("e", &info), STATUS_USAGE);
    assert_non_null(strstr(log_last_error(), "fits 2 devices"));
    assert_int_equal(open_selected("swift", &info), STATUS_OK);
    assert_int_equal(open_selected("LLVM", &info), STATUS_OK);
    if (saved)
        setenv("VK_DRIVER_FILES", back, 1);
    else
        unsetenv("VK_DRIVER_FILES");
}

static void test_lives_twice(void **state)
{
    (void)state;
    struct gpu *a = NULL, *b = NULL;
    assert_int_equal(gpu_open(&a, NULL), STATUS_OK);
    assert_int_equal(gpu_open(&b, NULL), STATUS_OK);
    gpu_close(&a);
    assert_false(gpu_is_lost(b));
    assert_int_equal(gpu_validation_messages(b), 0);
    gpu_close(&b);
    gpu_close(&b);
}

/* A manifest whose driver runs `code` when it is loaded. */
static bool make_driver(const char *folder, const char *code, char manifest[128])
{
    char command[512], path[128];
    snprintf(path, sizeof(path), "%s/driver.c", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
            "__attribute__((constructor)) static void load(void)\n{\n%s\n}\n",
            code);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command), "cc -shared -fPIC -o '%s/driver.so' '%s' 2> /dev/null",
             folder, path);
    if (system(command) != 0)
        return false;
    snprintf(manifest, 128, "%s/icd.json", folder);
    file = fopen(manifest, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"%s/driver.so\", "
            "\"api_version\": \"1.3.0\"}}\n",
            folder);
    assert_int_equal(fclose(file), 0);
    return true;
}

/* The message about a device that cannot be opened must be one line with these words in it. */
static void expect_failure(const char *manifest, const char *const *words)
{
    struct gpu *gpu = NULL;
    struct gpu_params params = {.driver_files = manifest};
    setenv("VK_DRIVER_FILES", manifest, 1);
    assert_int_equal(gpu_open(&gpu, &params), STATUS_DEVICE);
    assert_null(gpu);
    assert_null(strchr(log_last_error(), '\n'));
    for (; *words; words++) {
        if (!strstr(log_last_error(), *words))
            fail_msg("found '%s', expected '%s' in it", log_last_error(), *words);
    }
}

static void test_bad_drivers(void **state)
{
    (void)state;
    char folder[] = "/tmp/vkfi_driver_XXXXXX", manifest[128], command[128], back[1024];
    const char *saved = getenv("VK_DRIVER_FILES");
    snprintf(back, sizeof(back), "%s", saved ? saved : "");
    assert_non_null(mkdtemp(folder));
    expect_failure("/nowhere/icd.json", (const char *[]){"no Vulkan driver", "/nowhere", NULL});
    bool compiler =
        make_driver(folder, "fputs(\"first\\nlast words\\n\", stderr); abort();", manifest);
    if (compiler) {
        expect_failure(manifest,
                       (const char *[]){"crashed", "signal 6", "last words", folder, NULL});
        assert_true(make_driver(folder, "_exit(9);", manifest));
        expect_failure(manifest, (const char *[]){"ended", "exit code 9", folder, NULL});
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    if (saved)
        setenv("VK_DRIVER_FILES", back, 1);
    else
        unsetenv("VK_DRIVER_FILES");
}

static int run(void)
{
    if (!gpu_driver_is_here())
        return GPU_DRIVER_SKIP;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),        cmocka_unit_test(test_select),
        cmocka_unit_test(test_ambiguous),   cmocka_unit_test(test_lives_twice),
        cmocka_unit_test(test_bad_drivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return gpu_driver_main(run);
}

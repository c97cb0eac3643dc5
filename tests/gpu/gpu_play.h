/* SPDX-License-Identifier: MIT */
/* Devices that are played by tests/gpu/driver over lavapipe. */
#ifndef VKFI_TESTS_GPU_PLAY_H
#define VKFI_TESTS_GPU_PLAY_H

#include "gpu_driver.h"

/* The library that a manifest names; false: not found. */
__attribute__((unused)) static bool gpu_play_library(const char *manifest, char *out, size_t size)
{
    char text[4096] = "";
    FILE *file = fopen(manifest, "r");
    if (!file)
        return false;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    const char *key = strstr(text, "\"library_path\"");
    const char *first = key ? strchr(key + strlen("\"library_path\""), '"') : NULL;
    const char *last = first ? strchr(first + 1, '"') : NULL;
    if (!last)
        return false;
    snprintf(out, size, "%.*s", (int)(last - first - 1), first + 1);
    return true;
}

/* From now on the one Vulkan driver is the playing one (VKFI_BROKEN_DRIVER); false: there is no
 * lavapipe to play on. */
__attribute__((unused)) static bool gpu_play_init(const char *driver)
{
    const char *icd = getenv("VKFI_ICD_LAVAPIPE");
    char manifest[] = "/tmp/vkfi_play_XXXXXX.json", library[1024];
    if (!icd || !gpu_play_library(icd, library, sizeof(library)))
        return false;
    const int fd = mkstemps(manifest, 5);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    fprintf(file,
            "{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"%s\", "
            "\"api_version\": \"1.3.0\"}}\n",
            driver);
    assert_int_equal(fclose(file), 0);
    setenv("VKFI_TEST_DRIVER", library, 1);
    setenv("VK_DRIVER_FILES", manifest, 1);
    setenv("VK_ICD_FILENAMES", manifest, 1);
    return true;
}

__attribute__((unused)) static void gpu_play_finish(void)
{
    unlink(getenv("VK_DRIVER_FILES"));
}

/* Opens a device as `play` says (tests/gpu/driver/played_device.h). */
__attribute__((unused)) static enum status gpu_play_open(struct gpu **out, const char *play,
                                                         const char *selector)
{
    const struct gpu_params params = {.selector = selector};
    setenv("VKFI_TEST_PLAY", play, 1);
    return gpu_open(out, &params);
}

#endif

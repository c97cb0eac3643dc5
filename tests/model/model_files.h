/* SPDX-License-Identifier: MIT */
/* Paths of the real models, which may be missing, and of the reference outputs. */
#ifndef VKFI_TESTS_MODEL_FILES_H
#define VKFI_TESTS_MODEL_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Path of a model's file, null if it is not there: in the folder $VKFI_MODELS, else in the cache of
 * `vkfi model get`. `name` as in the reference data; static buffer. */
__attribute__((unused)) static const char *model_files_path(const char *name)
{
    static char path[4096];
    static const char *const files[][2] = {
        {"smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf"},
        {"gemma3-270m", "gemma3-270m.gguf"},
        {"qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b.gguf"},
    };
    const char *own = getenv("VKFI_MODELS"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(name, files[i][0]) == 0) {
            const char *file = files[i][1];
            if (own && *own)
                snprintf(path, sizeof(path), "%s/%s", own, file);
            else if (cache && *cache)
                snprintf(path, sizeof(path), "%s/vkfi/models/%s", cache, file);
            else
                snprintf(path, sizeof(path), "%s/.cache/vkfi/models/%s", home ? home : "", file);
            return access(path, R_OK) == 0 ? path : NULL;
        }
    }
    return NULL;
}

/* Path of a file of tests/reference; static buffer. */
__attribute__((unused)) static const char *model_files_reference(const char *file)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/tests/reference/%s", VKFI_SOURCE, file);
    return path;
}

#endif

/* SPDX-License-Identifier: MIT */
/* The tiny model that most tests here run, and what a test program does where it is missing. */
#ifndef VKFI_TESTS_TINY_MODEL_H
#define VKFI_TESTS_TINY_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define TINY_MODEL VKFI_SHARED "/oracle/tiny/tiny-llama-q4_1.gguf"
#define TINY_SKIP 77 /* exit code */

/* And says so: the program ends with TINY_SKIP. The models come together. */
static inline bool tiny_model_is_missing(void)
{
    if (access(TINY_MODEL, R_OK) == 0)
        return false;
    printf("skipped: no reference models at %s\n", VKFI_SHARED);
    return true;
}

#endif

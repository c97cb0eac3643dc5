/* SPDX-License-Identifier: MIT */
/* Fuzz target: two lines as answers: each equals itself, unless nothing remains of it.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_math_equal_hostile feeds it seeded
 * mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/math_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_math_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_math_equal: %s\n", what);
        abort();
    }
}

static void fuzz_math_itself(const char *text)
{
    struct arena arena = {0};
    bool same;
    const char *normal = math_normal(&arena, text);

    fuzz_math_require(normal != NULL, "no normal form");
    fuzz_math_require(math_equal(&same, text, text) == STATUS_OK, "an error for an answer");
    fuzz_math_require(same || !normal[0] || strchr(normal, '=') || strstr(normal, "\\in"),
                      "an answer is not itself");
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    bool same;

    fuzz_math_require(text != NULL, "no memory");
    memcpy(text, data, size);
    text[size] = 0;
    char *feed = strchr(text, '\n');
    const char *other = feed ? feed + 1 : "";
    if (feed)
        *feed = 0;
    fuzz_math_itself(text);
    fuzz_math_itself(other);
    fuzz_math_require(math_equal(&same, text, other) == STATUS_OK, "an error for two answers");
    free(text);
    return 0;
}

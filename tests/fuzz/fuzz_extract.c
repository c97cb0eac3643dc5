/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a model's text, by every extraction rule.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_extract_hostile feeds it seeded
 * mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/extract.h"
#include "tasks/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_extract_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_extract: %s\n", what);
        abort();
    }
}

/* A number is one for number_equal too, and is found again in canonical form. */
static void fuzz_extract_number(struct arena *arena, const char *rule, const char *answer)
{
    const char *again = NULL;

    fuzz_extract_require(strlen(answer) > 500 || number_is(answer), "a number that is none");
    if (strncmp(rule, "gsm8k_flexible", 14) == 0) {
        fuzz_extract_require(extract_answer(&again, arena, rule, answer) == STATUS_OK && again,
                             "no number in a number");
        fuzz_extract_require(strcmp(answer, again) == 0, "another number in a number");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const rules[] = {
        "gsm8k_strict", "gsm8k_flexible", "mgsm",       "mgsm:de",
        "mgsm:zh",      "boxed",          "integral",   "code",
        "first_line",   "regex:(a+)+$",   "regex:x*?y", "regex_last:[^\\d]*(\\d|\\w*)"};
    char *text = malloc(size + 1);

    fuzz_extract_require(text != NULL, "no memory");
    memcpy(text, data, size);
    text[size] = 0;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct arena arena = {0};
        const char *answer = NULL;
        fuzz_extract_require(extract_answer(&answer, &arena, rules[i], text) == STATUS_OK,
                             "an error for a text");
        if (answer && i < 5)
            fuzz_extract_number(&arena, rules[i], answer);
        else if (answer)
            fuzz_extract_require(strlen(answer) <= size + 2, "more than there was");
        arena_finish(&arena);
    }
    free(text);
    return 0;
}

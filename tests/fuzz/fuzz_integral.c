/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as an antiderivative in every form, and as an integrand.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_integral_hostile feeds it seeded
 * mutations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/integral.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_integral_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_integral: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct integral_problem given = {"a*x^n*Log[x] + E^(b*x)", "x"};
    enum integral_verdict verdict = INTEGRAL_VERDICTS;
    char *text = malloc(size + 1);

    fuzz_integral_require(text != NULL, "no memory");
    memcpy(text, data, size);
    text[size] = 0;
    fuzz_integral_require(integral_check(&verdict, &given, text) == STATUS_OK &&
                              verdict < INTEGRAL_VERDICTS,
                          "an error for an answer");
    fuzz_integral_require(integral_usable(&verdict, &given, text) == STATUS_OK,
                          "an error for a reference");
    const struct integral_problem made = {text, "x"};
    fuzz_integral_require(integral_check(&verdict, &made, "x^2/2 + a") == STATUS_OK,
                          "an error for an integrand");
    free(text);
    return 0;
}

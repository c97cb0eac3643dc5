/* SPDX-License-Identifier: MIT */
/* Texts of models, damaged at random: every rule gives an answer or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_extract.c"
#include "../fuzz/fuzz_mutate.h"

#define MUTATIONS 6000

static const char *const WORDS[] = {"\\boxed{",
                                    "}",
                                    "{",
                                    "####",
                                    "$",
                                    "\\(",
                                    "\\)",
                                    "answer is ",
                                    "1,234",
                                    ".5",
                                    "-",
                                    "/",
                                    "3/4",
                                    "```",
                                    "```python\n",
                                    "\n",
                                    "\\frac{1}{2}",
                                    " ",
                                    "+ C",
                                    "=",
                                    "def f():\n",
                                    "    return 1\n",
                                    "1.234.567,8",
                                    "'",
                                    "\xE0\xA7\xA7",
                                    "\xD9\xAB",
                                    "\xE2\x88\x92",
                                    "\xC2\xA0",
                                    "\xFF"};

static const char *const TEXTS[] = {"The answer is $\\boxed{\\frac{3}{4}}$. #### 1,234.50",
                                    "So -12 + 3 1/2 = 5.\nThe answer is 1.234,5 km.",
                                    "```python\ndef f(x):\n    return 1\n```\n",
                                    "F(x) = \\frac{x^2}{2} + C, where C is a constant"};

static void test_mutations(void **state)
{
    struct fuzz_mutate m = {.words = WORDS, .n_words = sizeof(WORDS) / sizeof(WORDS[0])};
    struct rng rng;

    (void)state;
    rng_init(&rng, 20261130, 1);
    for (size_t i = 0; i < MUTATIONS; i++) {
        fuzz_mutate_text(&m, &rng, TEXTS[i % (sizeof(TEXTS) / sizeof(TEXTS[0]))]);
        LLVMFuzzerTestOneInput((const uint8_t *)m.data, m.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mutations, fuzz_mutate_mute, fuzz_mutate_unmute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Texts of models, damaged at random: every rule gives an answer or none. */
#include "../fuzz/fuzz_extract.c"
#include "../fuzz/fuzz_mutate.h"

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

int main(void)
{
    return fuzz_mutate_main((struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(WORDS),
                                                     .texts = FUZZ_MUTATE_LIST(TEXTS),
                                                     .rounds = 6000,
                                                     .target = LLVMFuzzerTestOneInput});
}

/* SPDX-License-Identifier: MIT */
/* Mathematical answers, damaged at random: each equals itself, and none is an error. */
#include "../fuzz/fuzz_math_equal.c"
#include "../fuzz/fuzz_mutate.h"

static const char *const WORDS[] = {"\\frac",
                                    "{",
                                    "}",
                                    "(",
                                    ")",
                                    "[",
                                    "]",
                                    "\\{",
                                    "\\}",
                                    ",",
                                    "\\pm",
                                    "\\cup",
                                    "=",
                                    "\\in",
                                    "\\text{",
                                    "^",
                                    "_",
                                    "\\sqrt",
                                    "\\pi",
                                    "\\infty",
                                    "\\begin{pmatrix}",
                                    "\\end{pmatrix}",
                                    "\\\\",
                                    "&",
                                    "1",
                                    "x",
                                    "-",
                                    "/",
                                    "\\left",
                                    "\\right",
                                    "\\!",
                                    "%",
                                    "\\$",
                                    " cm",
                                    "\n",
                                    "|",
                                    "!",
                                    "sin",
                                    "e",
                                    ".",
                                    "1,000",
                                    "\xE2\x88\x92"};

static const char *const TEXTS[] = {
    "\\frac{1}{2}\n0.5", "\\left( 3, \\frac{\\pi}{2} \\right)\n(3,\\pi/2)",
    "\\{1\\pm\\sqrt{5},-2\\}\nx \\in [-2,7]",
    "\\begin{pmatrix} -1 & 0 \\\\ 0 & 1/3 \\end{pmatrix}\n1\\frac{4}{5}",
    "2k+2\n2(k+1) \\text{ cm}^2"};

int main(void)
{
    return fuzz_mutate_main((struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(WORDS),
                                                     .texts = FUZZ_MUTATE_LIST(TEXTS),
                                                     .rounds = 6000,
                                                     .target = LLVMFuzzerTestOneInput});
}

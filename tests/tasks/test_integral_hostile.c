/* SPDX-License-Identifier: MIT */
/* Antiderivatives, damaged at random: a verdict within bounded time. */
#include "../fuzz/fuzz_integral.c"
#include "../fuzz/fuzz_mutate.h"

static const char *const WORDS[] = {
    "\\frac",     "{",      "}",          "(",   ")",      "[",       "]",      "|",    "^",
    "**",         "*",      "/",          "+",   "-",      "!",       "\\sqrt", "\\ln", "\\sin",
    "\\tan^{-1}", "sin",    "ArcTan",     "Log", "Sqrt",   "E",       "e",      "x",    "a",
    "n",          "2",      "0",          ".5",  "\\left", "\\right", "_",      "C",    " ",
    "PolyLog[2,", "Gamma[", "EllipticF[", ",",   "\\int",  "np.",     "pi",     "exp(", "\xC2\xB2"};

static const char *const TEXTS[] = {
    "a \\frac{x^{n+1}}{n+1} \\ln|x| - \\frac{a x^{n+1}}{(n+1)^2} + \\frac{e^{bx}}{b} + C",
    "ArcTan[(b*x)/a]/(a*b) + Sqrt[x]*PolyLog[2, x] + Log[1 + x]^n",
    "x**2*sin(2*x)*exp(-x) + np.log(np.abs(x))/2", "(Sqrt[1 + x^2]*Sin[x]^3)/(1 + Cos[a*x])^(1/2)"};

int main(void)
{
    return fuzz_mutate_main((struct fuzz_mutate_run){.words = FUZZ_MUTATE_LIST(WORDS),
                                                     .texts = FUZZ_MUTATE_LIST(TEXTS),
                                                     .rounds = 3000,
                                                     .target = LLVMFuzzerTestOneInput});
}

/* SPDX-License-Identifier: MIT */
/* Whether an expression is an antiderivative: its derivative against the integrand, by numbers. */
#ifndef VKFI_TASKS_INTEGRAL_H
#define VKFI_TASKS_INTEGRAL_H

#include "base/status.h"

struct integral_problem {
    const char *integrand; /* Mathematica's InputForm, as in Rubi's test suites */
    const char *variable;  /* a name; the other names of the integrand are parameters */
};

enum integral_verdict {
    INTEGRAL_RIGHT,
    INTEGRAL_WRONG,      /* differs at a point                                              */
    INTEGRAL_NOT_PARSED, /* no expression of known functions of the problem's names         */
    INTEGRAL_UNDECIDED,  /* too few points where both are real and well-conditioned         */
    INTEGRAL_NO_PROBLEM, /* the integrand itself is not parsed, or real at too few points   */
    INTEGRAL_VERDICTS
};

/* "right", "wrong", "not parsed", "undecided", "no problem". */
const char *integral_verdict_name(enum integral_verdict verdict);

/* `answer`: one expression in plain mathematics, LaTeX, Python or InputForm; any constants C, K, c,
 * k (with an index) may be in it. Its symbolic derivative is compared with the integrand at seeded
 * points: parameters of three draws, positive unless the integrand is real only with other ones, as
 * textbooks take them. A point counts where both are real and lie with their neighbours on a smooth
 * line. Right if at least 8 points count and at most one in ten differs by more than 1e-6 of the
 * larger value. A derivative knows no constant and no branch: log x and log |x| are both right
 * where both are real. Time is bounded whatever the answer. STATUS_MEMORY, STATUS_INTERNAL: logged.
 */
enum status integral_check(enum integral_verdict *out, const struct integral_problem *problem,
                           const char *answer) STATUS_MUST_USE;

/* The same for the antiderivative of a record, in InputForm: only problems whose own answer is
 * found right can be scored. */
enum status integral_usable(enum integral_verdict *out, const struct integral_problem *problem,
                            const char *antiderivative) STATUS_MUST_USE;

#endif

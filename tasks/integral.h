/* SPDX-License-Identifier: MIT */
/* Whether an expression is an antiderivative: its derivative against the integrand, numerically. */
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
    INTEGRAL_NOT_PARSED, /* not an expression of known functions of the problem's names */
    INTEGRAL_UNDECIDED,  /* too few points at which both are real and well-conditioned */
    INTEGRAL_NO_PROBLEM, /* the integrand is not parsed, or is real at too few points */
    INTEGRAL_VERDICTS
};

/* "right", "wrong", "not parsed", "undecided", "no problem". */
const char *integral_verdict_name(enum integral_verdict verdict);

/* `answer`: one expression in plain mathematics, LaTeX, Python or InputForm; it may hold constants
 * C, K, c, k (with an index). Its symbolic derivative is compared with the integrand at seeded
 * points: three draws of parameters, positive, as in textbooks, unless the integrand is real only
 * with others. A point counts if both are real and lie with their neighbours on a smooth line.
 * Right if at least 8 points count and at most one in ten differs by more than 1e-6 of the larger
 * value. A derivative has no constant and no branch: log x and log |x| are both right where both
 * are real. Time is bounded for any answer. STATUS_MEMORY, STATUS_INTERNAL: logged. */
enum status integral_check(enum integral_verdict *out, const struct integral_problem *problem,
                           const char *answer) STATUS_MUST_USE;

/* The same for a record's antiderivative, in InputForm: only problems whose own answer is right can
 * be scored. */
enum status integral_usable(enum integral_verdict *out, const struct integral_problem *problem,
                            const char *antiderivative) STATUS_MUST_USE;

#endif

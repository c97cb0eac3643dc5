/* SPDX-License-Identifier: MIT */
/* Whether two final answers of a mathematics problem are equal, by the usual normalisation of MATH
 * (Hendrycks et al. 2021; Lewkowycz et al. 2022, appendix D.1) and by value. */
#ifndef VKFI_TASKS_MATH_EQUAL_H
#define VKFI_TASKS_MATH_EQUAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

/* The normal form of one answer, null if out of memory:
 *
 * - Removed: $ and the delimiters of formulas, a box around the whole, \left, \right, LaTeX's
 * blanks,
 *   \$, percent and degree signs, units (\text{...} after a value, known words), a full stop at the
 *   end, commas between thousands outside brackets, blanks, braces around one character.
 * - One spelling: \dfrac and \tfrac are \frac, bmatrix is pmatrix, \leq is \le, characters such as
 *   U+2212 are their LaTeX; \text{ and } and \text{ or } are commas; \text{X} alone is X, as is (X)
 *   of one letter.
 * - Mixed numbers, 1\frac{4}{5} and 1 4/5, become sums. */
const char *math_normal(struct arena *arena, const char *answer);

/* Equal normal forms are equal. Otherwise, in this order:
 *
 * - Plain numbers are compared exactly (number.h), words of letters without case.
 * - Lists, tuples, intervals, sets, unions and matrices must have the same brackets, and equal
 * parts in the same order; a \pm b in a list is two parts.
 * - If only one answer has "=", with names, words or equal values before its last one, what follows
 *   counts ("x = 5", "A = 48/2 = 24"); equations are compared side by side.
 * - Expressions are compared by value: closed ones to 1e-9 relative, those with variables at seeded
 *   points. An expanded product is equal to its factors; 1/3 is not 0.333.
 *
 * 50% is 50 and not 0.5, 52_8 is not 52, {1,2} is neither (1,2) nor {2,1}. An answer of more than
 * 2,000 bytes equals only itself. STATUS_MEMORY, STATUS_INTERNAL: logged. */
enum status math_equal(bool *out, const char *answer, const char *reference) STATUS_MUST_USE;

#endif

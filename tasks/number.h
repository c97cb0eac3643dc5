/* SPDX-License-Identifier: MIT */
/* Finds numbers as people and models write them, and compares them exactly. */
#ifndef VKFI_TASKS_NUMBER_H
#define VKFI_TASKS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* The separator that starts the decimals; the other one, apostrophes and hard spaces group
 * thousands. */
enum number_point {
    NUMBER_POINT_DOT,   /* 1,234.5 and 1.234 is 1 + 234/1000 */
    NUMBER_POINT_COMMA, /* 1.234,5 and 1,234 is 1 + 234/1000 */
    NUMBER_POINT_EITHER /* the last one if both occur; a single one before exactly three digits
                           groups thousands (1.234 is 1234), any other starts decimals */
};

/* A number found in a text has a canonical form: "-12", "0.5", "3/4": no sign but -, no leading
 * zero, no zero at the end of the decimals, no -0.
 *  - Digits of any decimal script (Arabic-Indic, Bengali, Telugu, Thai, fullwidth, ...).
 *  - Thousands in groups of three, or as in India (1,23,456); "1,2,3" is three numbers.
 *  - LaTeX's separators 1{,}234, 1\,234, 1,\!234. Blanks group only where points may be commas.
 *  - A minus (-, U+2212, en dash) counts unless a letter, digit or closing bracket is before it:
 *    "10-5" ends with 5, "(-5)" and "-$5" are -5.
 *  - "3/4" and \frac{3}{4} are one number, "1 3/4" is 7/4; 1/2/2024 is three.
 *  - Units, currencies, percent signs are left out: "25%" is 25.
 * Null if there is none. Linear in `size`. */
enum status number_last(const char **out, struct arena *arena, const char *text, size_t size,
                        enum number_point point) STATUS_MUST_USE;
enum status number_first(const char **out, struct arena *arena, const char *text, size_t size,
                         enum number_point point) STATUS_MUST_USE;

/* True if the whole text is one number with a point for decimals and optional commas for thousands
 * ("-1,000.50", "+3/4"; no unit). */
bool number_is(const char *text);

/* Exact equality of two such texts as rational numbers: 1,000 = 1000.00, 3/4 = 0.75. False if one
 * is not a number, has a denominator of zero, or more than 512 digits and another spelling. */
bool number_equal(const char *a, const char *b);

#endif

/* SPDX-License-Identifier: MIT */
/* The answer in a model's text, by named rules. Pure functions; time is linear in the text. */
#ifndef VKFI_TASKS_EXTRACT_H
#define VKFI_TASKS_EXTRACT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* Rules of numbers give canonical form (number.h), so equal decimals are equal texts; number_equal
 * compares fractions too.
 *
 * - gsm8k_strict: the number that follows the first "####"; decimals by point.
 * - gsm8k_flexible: the last number of the text; decimals by point.
 * - mgsm: the last number, digits of any script; a single separator before three digits groups
 *   thousands, since both conventions occur and the answers are integers.
 * - mgsm:LANG: the same by the convention of one language: comma for decimals in de, es, fr, ru;
 *   point in bn, en, ja, sw, te, th, zh.
 *
 * - boxed: the inside of the last \boxed{} or \fbox{} with balanced braces. Without one, what
 * follows the last "answer is" or "answer:" (its first formula, else up to the end of the
 * sentence); without that the last formula in $, $$, \( or \[; then the last number.
 * - integral: the expression of an antiderivative: the last box, the last code fence, what follows
 *   the last "answer is", "antiderivative is", "integral is", the last formula, the last line of
 *   more than words; of that, what follows its last "=", without the constant of integration and
 *   its explanation.
 *
 * - code: a fenced block: the first one of Python, else the first. Without one, the text up to a
 *   line that cannot belong to it: after an indented start the next line that starts a definition,
 *   a test or a comment, otherwise a test, a print or a fence.
 * - first_line: the first line that is not blank, without blanks around it.
 * - regex:PATTERN, regex_last:PATTERN: the first or the last match of a Perl-compatible regular
 *   expression (UTF-8): its first group, or the whole. Only the first 32 KiB are searched, and a
 *   search of 20,000 steps from one start ends without an answer. */
struct extract_rule {
    const char *name;  /* ends with ":" if an argument follows */
    const char *takes; /* one line, for help and errors */
    /* STATUS_INPUT, logged for `where`, unless the argument is valid; null: without one. */
    enum status (*check)(const char *argument, const char *where);
    /* `argument` follows the colon, "" without one. */
    enum status (*find)(const char **out, struct arena *arena, const char *argument,
                        const char *text);
};

/* All rules, for lists and schemas. */
const struct extract_rule *extract_rules(size_t *count);

/* STATUS_INPUT unless `rule` is a rule with a valid argument; `where` is for the message. */
enum status extract_check(const char *rule, const char *where) STATUS_MUST_USE;

/* *out is null if the rule finds no answer; else it is in the arena, null-terminated. */
enum status extract_answer(const char **out, struct arena *arena, const char *rule,
                           const char *text) STATUS_MUST_USE;

#endif

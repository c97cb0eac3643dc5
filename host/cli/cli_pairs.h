/* SPDX-License-Identifier: MIT */
/* How pairs of two databases are told: what an interval of their difference follows from, and the
 * verdict on a release in a sentence. */
#ifndef VKFI_CLI_PAIRS_H
#define VKFI_CLI_PAIRS_H

#include "inject/report/report_interval.h"
#include "inject/report/report_out.h"
#include "inject/report/report_pairs.h"
#include "inject/stats/stats_gate.h"

/* "only 1" and "only 2" of n: the independent pairs that Tango's interval is of; four digits each.
 */
struct cli_pairs_table {
    char first_only[REPORT_INTERVAL_TEXT], second_only[REPORT_INTERVAL_TEXT];
    char n[REPORT_INTERVAL_TEXT];
};
void cli_pairs_table(struct cli_pairs_table *out, const struct report_pairs_result *result);

/* "+0.29 [-0.10, +0.68]" in points, with the digits of the interval. */
void cli_pairs_difference(char out[REPORT_INTERVAL_TEXT], const struct report_pairs_result *result);

/* Is `new` worse than `old` by the margin: first and second of the result, or the other way. */
struct cli_pairs_question {
    const struct report_pairs_result *result;
    const char *new, *old, *of; /* their names; "sdc" */
    bool first_is_new;
    double margin, confidence; /* one-sided */
};

/* By one-sided bounds of new minus old, each at the same confidence: PASS where the upper one is
 * within the margin, FAIL where the lower one is not, UNDECIDED between. */
enum stats_gate_verdict cli_pairs_decide(const struct cli_pairs_question *question);

/* "passed: NEW has at most 0.52 points more sdc than OLD (one-sided at 95 %); the margin is 1". */
void cli_pairs_verdict(struct report_out *out, const struct cli_pairs_question *question);

#endif

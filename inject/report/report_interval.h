/* SPDX-License-Identifier: MIT */
/* How an interval is printed: its digits, and the numbers that it follows from. */
#ifndef VKFI_INJECT_REPORT_INTERVAL_H
#define VKFI_INJECT_REPORT_INTERVAL_H

#include "base/json.h"
#include "inject/report/report_rate.h"

#define REPORT_INTERVAL_TEXT 160

/* A rate with its interval; both multiplied by `share` where only a known share of runs can show an
 * event (REPORT_RUNS), else 1. */
struct report_interval {
    double rate;
    struct stats_cluster_interval interval;
    double share;
};
struct report_interval report_interval_of(const struct report_rate *rate);

/* Per cent, or points, with that many decimals; "0" with no sign where nothing is left of it. */
void report_interval_percent(char out[REPORT_INTERVAL_TEXT], double share, int decimals);

/* Decimals of per cent that say as much as the interval: two digits of half its width, one decimal
 * at least. -1 where it has no width or no end. */
int report_interval_decimals(struct stats_interval bounds);

/* "wilson", "exact", "known", "unknown": the method in data. */
const char *report_interval_method(enum stats_cluster_method method);

/* n as print shows it: so many digits that the interval follows from it. */
void report_interval_n(char out[REPORT_INTERVAL_TEXT], double n);

/* What rate and interval need to follow from each other, at the confidence that is told elsewhere:
 * "Wilson, n = 412.3, upper end + 0.214", "exact, n = 31.24", "all of them", "nothing known". Exact
 * is Clopper and Pearson's at rate x n events. The shift of an end is in points, put on before
 * ", times 0.432" (the share) is. */
void report_interval_basis(char out[REPORT_INTERVAL_TEXT], const struct report_interval *of);

/* "5.39 % [4.12, 7.03] (95 %: Wilson, n = 412.3)". */
void report_interval_text(char out[REPORT_INTERVAL_TEXT], const struct report_interval *of,
                          double confidence);

/* Members "method", "interval_n", "interval_shift" of an open object. */
void report_interval_members(struct json_writer *w, const struct stats_cluster_interval *interval);

/* A p-value, no smaller than can matter: "0.032", "< 0.0001". */
void report_interval_p(char out[REPORT_INTERVAL_TEXT], double p);

#endif

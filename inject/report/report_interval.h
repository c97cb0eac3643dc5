/* SPDX-License-Identifier: MIT */
/* How an interval is printed: its digits and its basis. */
#ifndef VKFI_INJECT_REPORT_INTERVAL_H
#define VKFI_INJECT_REPORT_INTERVAL_H

#include "base/json.h"
#include "inject/report/report_rate.h"

#define REPORT_INTERVAL_TEXT 160

/* A rate with its interval; both are multiplied by `share` if only a known share of runs can show
 * an event (REPORT_RUNS), else 1. */
struct report_interval {
    double rate;
    struct stats_cluster_interval interval;
    double share;
};
struct report_interval report_interval_of(const struct report_rate *rate);

/* Per cent, or points, with this many decimals; an unsigned "0" if it rounds to that. */
void report_interval_percent(char out[REPORT_INTERVAL_TEXT], double share, int decimals);

/* Decimals of per cent by the interval: two digits of half its width, at least one decimal. -1 if
 * it has no width or no end. */
int report_interval_decimals(struct stats_interval bounds);

/* "wilson", "exact", "known", "unknown": the method in data. */
const char *report_interval_method(enum stats_cluster_method method);

/* n in print: with enough digits that the interval follows from it. */
void report_interval_n(char out[REPORT_INTERVAL_TEXT], double n);

/* The link from rate to interval, at a confidence told elsewhere: "Wilson, n = 412.3, upper end +
 * 0.214", "exact, n = 31.24", "all of them", "nothing known". Exact is Clopper and Pearson's at
 * rate x n events. The shift of an end, in points, is added before ", times 0.432" (the share)
 * applies. */
void report_interval_basis(char out[REPORT_INTERVAL_TEXT], const struct report_interval *of);

/* "5.39 % [4.12, 7.03] (95 %: Wilson, n = 412.3)". */
void report_interval_text(char out[REPORT_INTERVAL_TEXT], const struct report_interval *of,
                          double confidence);

/* "-2.0 points [-2.9, -0.96]": a share and its ends in per cent or points, with the unit after it.
 */
void report_interval_ends(char out[REPORT_INTERVAL_TEXT], double share, const char *unit,
                          struct stats_interval bounds);

/* Members "method", "interval_n", "interval_shift" of an open object. */
void report_interval_members(struct json_writer *w, const struct stats_cluster_interval *interval);

/* Member `key`: an object with mean, low and high. */
void report_interval_mean(struct json_writer *w, const char *key, double mean,
                          struct stats_interval bounds);

/* A p-value, with a lower limit: "0.032", "< 0.0001". */
void report_interval_p(char out[REPORT_INTERVAL_TEXT], double p);

#endif

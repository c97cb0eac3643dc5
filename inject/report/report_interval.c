/* SPDX-License-Identifier: MIT */
/* Digits by the interval's width, and the formula's numbers. */
#include "inject/report/report_interval.h"

#include <math.h>
#include <stdio.h>

#define INTERVAL_MOST 6 /* decimals of per cent */

struct report_interval report_interval_of(const struct report_rate *rate)
{
    return (struct report_interval){rate->estimate.rate, rate->interval, rate->share};
}

int report_interval_decimals(struct stats_interval bounds)
{
    const double half = 50 * (bounds.high - bounds.low); /* in per cent */
    if (!(half > 0) || isinf(half))
        return -1;
    const int decimals = 1 - (int)floor(log10(half));
    return decimals < 1 ? 1 : decimals > INTERVAL_MOST ? INTERVAL_MOST : decimals;
}

const char *report_interval_method(enum stats_cluster_method method)
{
    switch (method) {
    case STATS_CLUSTER_ZERO:
    case STATS_CLUSTER_EXACT:
        return "exact";
    case STATS_CLUSTER_SCORE:
        return "wilson";
    case STATS_CLUSTER_KNOWN:
        return "known";
    default:
        return "unknown";
    }
}

void report_interval_percent(char out[REPORT_INTERVAL_TEXT], double share, int decimals)
{
    const int digits = decimals < 0 ? 2 : decimals;
    const bool nothing = fabs(100 * share) < 0.5 * pow(10, -digits);
    snprintf(out, REPORT_INTERVAL_TEXT, "%.*f", digits, nothing ? 0 : 100 * share);
}

void report_interval_n(char out[REPORT_INTERVAL_TEXT], double n)
{
    snprintf(out, REPORT_INTERVAL_TEXT, n < 1000 ? "%.4g" : "%.0f", n);
}

void report_interval_basis(char out[REPORT_INTERVAL_TEXT], const struct report_interval *of)
{
    const struct stats_cluster_interval *i = &of->interval;
    char n[REPORT_INTERVAL_TEXT], shift[48] = "", share[32] = "";
    if (i->method == STATS_CLUSTER_UNKNOWN || i->method == STATS_CLUSTER_KNOWN) {
        snprintf(out, REPORT_INTERVAL_TEXT, "%s",
                 i->method == STATS_CLUSTER_KNOWN ? "all of them" : "nothing known");
        return;
    }
    report_interval_n(n, i->n);
    if (i->shift > 0 || i->shift < 0)
        snprintf(shift, sizeof(shift), ", %s end %c %.3g", i->shift > 0 ? "upper" : "lower",
                 i->shift > 0 ? '+' : '-', 100 * fabs(i->shift));
    if (of->share < 1)
        snprintf(share, sizeof(share), ", times %.4g", of->share);
    snprintf(out, REPORT_INTERVAL_TEXT, "%s, n = %.40s%s%s",
             i->method == STATS_CLUSTER_SCORE ? "Wilson" : "exact", n, shift, share);
}

void report_interval_text(char out[REPORT_INTERVAL_TEXT], const struct report_interval *of,
                          double confidence)
{
    const struct stats_interval bounds = of->interval.bounds;
    const int decimals = report_interval_decimals(bounds);
    char rate[REPORT_INTERVAL_TEXT], low[REPORT_INTERVAL_TEXT], high[REPORT_INTERVAL_TEXT];
    char basis[REPORT_INTERVAL_TEXT];
    report_interval_percent(rate, of->rate, decimals);
    report_interval_percent(low, bounds.low, decimals);
    report_interval_percent(high, bounds.high, decimals);
    report_interval_basis(basis, of);
    snprintf(out, REPORT_INTERVAL_TEXT, "%.16s %% [%.16s, %.16s] (%g %%: %.80s)", rate, low, high,
             100 * confidence, basis);
}

void report_interval_ends(char out[REPORT_INTERVAL_TEXT], double share, const char *unit,
                          struct stats_interval bounds)
{
    const int decimals = report_interval_decimals(bounds);
    char text[3][REPORT_INTERVAL_TEXT];
    report_interval_percent(text[0], share, decimals);
    report_interval_percent(text[1], bounds.low, decimals);
    report_interval_percent(text[2], bounds.high, decimals);
    snprintf(out, REPORT_INTERVAL_TEXT, "%.16s%s [%.16s, %.16s]", text[0], unit, text[1], text[2]);
}

void report_interval_members(struct json_writer *w, const struct stats_cluster_interval *interval)
{
    json_member_text(w, "method", report_interval_method(interval->method));
    json_member_number(w, "interval_n", interval->n);
    json_member_number(w, "interval_shift", interval->shift);
}

void report_interval_mean(struct json_writer *w, const char *key, double mean,
                          struct stats_interval bounds)
{
    json_member_object(w, key);
    json_member_number(w, "mean", mean);
    json_member_number(w, "low", isfinite(bounds.low) ? bounds.low : NAN);
    json_member_number(w, "high", isfinite(bounds.high) ? bounds.high : NAN);
    json_object_close(w);
}

void report_interval_p(char out[REPORT_INTERVAL_TEXT], double p)
{
    snprintf(out, REPORT_INTERVAL_TEXT, p < 1e-4 ? "< 0.0001" : "%.2g", p);
}

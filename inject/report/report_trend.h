/* SPDX-License-Identifier: MIT */
/* The slope of a rate over ordered groups of trials. */
#ifndef VKFI_INJECT_REPORT_TREND_H
#define VKFI_INJECT_REPORT_TREND_H

#include "inject/report/report_figure.h"

/* Least squares over the groups' rates at 0, 1, 2, ...: a contrast of strata, if each stratum lies
 * in one group; unknown otherwise. */
struct report_trend {
    bool known;
    double slope, intercept;
    struct stats_interval bounds; /* of the slope */
    double p;                     /* two-sided, of slope 0 */
    const char *text;             /* a sentence, or why it is unknown */
};

enum status report_trend_of_groups(struct report_trend *out, struct report_context *context,
                                   const struct report_groups *groups,
                                   report_events events) STATUS_MUST_USE;

#endif

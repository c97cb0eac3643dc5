/* SPDX-License-Identifier: MIT */
/* The hypotheses of the plan: contrasts between strata, adjusted by Holm. */
#ifndef VKFI_INJECT_REPORT_HYPOTHESES_H
#define VKFI_INJECT_REPORT_HYPOTHESES_H

#include "inject/plan/plan_contrast.h"
#include "inject/report/report_figure.h"

struct report_hypothesis {
    const struct plan_hypothesis *plan;
    struct stats_cluster_estimate estimate; /* rate: the difference, or the slope            */
    struct stats_interval bounds;           /* two-sided at the report's confidence           */
    double p, adjusted;                     /* of the plan's direction; NaN: not to be tested */
    uint64_t trials;
    bool holds; /* adjusted <= alpha */
};

/* (plan->n_hypotheses), from `arena`. */
enum status report_hypotheses_test(struct report_hypothesis **out,
                                   struct report_context *context) STATUS_MUST_USE;
enum status report_hypotheses_table(struct report_table *out,
                                    struct report_context *context) STATUS_MUST_USE;

#endif

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
    struct stats_interval tested;   /* of 1 - 2 alpha: its end on the claim's side is the one-sided
                                       bound; equivalence: both ends */
    struct report_interval side[2]; /* of a difference: its basis, with ... */
    double correlation;             /* ... of the two rates                              */
    double alpha;                   /* the part of the plan's that this look may spend */
    double p, adjusted; /* of the plan's direction; NaN: untestable. Adjusted by Holm, and for the
                           looks */
    uint64_t trials, events; /* of both sides                    */
    uint32_t event_items;    /* prompts of the events */
    bool holds;              /* adjusted <= the plan's alpha */
};

bool report_hypothesis_is_trend(const struct report_hypothesis *hypothesis);

/* "supported (one-sided at 5 %: at least +1.2 points); its 12 events come from 2 prompts". The
 * bound is for this hypothesis alone, the verdict among all of them. */
const char *report_hypothesis_verdict(struct arena *arena,
                                      const struct report_hypothesis *hypothesis);

/* "+3.1 points [+1.0, +5.2] (95 %: Newcombe of 5.39 % [...] and 2.3 % [...], correlation 0.12)", or
 * with t, standard error and df of a slope. */
const char *report_hypothesis_estimate(struct arena *arena,
                                       const struct report_hypothesis *hypothesis,
                                       double confidence);

/* (plan->n_hypotheses), from `arena`. */
enum status report_hypotheses_test(struct report_hypothesis **out,
                                   struct report_context *context) STATUS_MUST_USE;
enum status report_hypotheses_table(struct report_table *out,
                                    struct report_context *context) STATUS_MUST_USE;

#endif

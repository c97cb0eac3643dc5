/* SPDX-License-Identifier: MIT */
/* Whether a rate is below a limit and, if undecided, how many more trials would decide. */
#ifndef VKFI_INJECT_STATS_GATE_H
#define VKFI_INJECT_STATS_GATE_H

#include <stdint.h>

#include "inject/stats/stats_cluster.h"

#define STATS_GATE_NEVER UINT64_MAX

/* One-sided both ways, each at the same confidence. */
enum stats_gate_verdict {
    STATS_GATE_PASS,      /* upper bound <= limit */
    STATS_GATE_FAIL,      /* lower bound > limit  */
    STATS_GATE_UNDECIDED, /* neither              */
};

/* What must be added. */
enum stats_gate_growth {
    STATS_GATE_TRIALS,  /* trials; on which items hardly matters             */
    STATS_GATE_BOTH,    /* trials on new items: on the same ones, over twice as many */
    STATS_GATE_PROMPTS, /* new items: no number of trials on the same ones would decide */
};

struct stats_gate_request {
    double limit, confidence;
    double deff_floor; /* as stats_cluster_request */
};

struct stats_gate_result {
    enum stats_gate_verdict verdict;
    double lower, upper;
    struct stats_cluster_interval of_lower, of_upper; /* what they follow from; UNKNOWN for
                                                         others */
    /* If undecided: trials to add (of all kinds, counted or not) until the bound on the rate's side
     * of the limit clears it, if rate and design effect stay and items and faults grow with the
     * trials. STATS_GATE_NEVER if the rate is the limit or nothing is known. */
    uint64_t more;
    uint64_t items; /* to add in proportion */
    enum stats_gate_growth growth;
    bool would_pass;
};

/* For one look at a finished campaign; for more see stats_sequence and stats_spending. */
void stats_gate_decide(struct stats_gate_result *out, const struct stats_cluster_estimate *estimate,
                       const struct stats_gate_request *request);

#endif

/* SPDX-License-Identifier: MIT */
/* Two campaigns on the same logical faults: pairs, risk difference, McNemar, equivalence. */
#ifndef VKFI_INJECT_REPORT_PAIRS_H
#define VKFI_INJECT_REPORT_PAIRS_H

#include "inject/report/report_rate.h"
#include "inject/report/report_source.h"
#include "inject/stats/stats_paired.h"

struct report_pair {
    const struct report_trial *first, *second;
};

/* Pairs have the same prompt and the same fault coordinates; faults drawn more than once pair in
 * order of id. */
struct report_pairs {
    struct report_pair *pair; /* (count) by stratum of the first database */
    size_t count;
    uint64_t only_first, only_second; /* trials without a partner                         */
    uint64_t apart;                   /* trials of items whose goldens differ: no pairs   */
    uint32_t items_apart;
    const struct report_data *first, *second;
    struct stats_cluster_trial *trial; /* (count) */
    struct stats_cluster_stratum *stratum;
    double *scratch;
};

enum status report_pairs_make(struct report_pairs *out, struct arena *arena,
                              const struct report_data *first,
                              const struct report_data *second) STATUS_MUST_USE;

struct report_pairs_request {
    report_events events;
    enum report_given given; /* holds in both */
    double confidence;       /* two-sided, of the interval */
    double margin;           /* > 0 for the tests against it */
};

struct report_pairs_result {
    uint64_t pairs;                   /* counted */
    struct stats_paired_table count;  /* pairs as they are                                       */
    struct stats_paired_table scaled; /* weighted by W_h, as the equivalent independent pairs */
    double first, second, difference; /* rates of the weighed table; first - second              */
    struct stats_interval bounds;     /* Tango's                                                 */
    double n_effective, design_effect;
    double mcnemar_exact, mcnemar_mid; /* of the counts, as if pairs were independent            */
    double mcnemar;                    /* of the scaled table, two-sided score                   */
    double equivalence;                /* p of |difference| >= margin                            */
    double non_inferiority;            /* p of first - second >= margin                          */
    bool weighted;                     /* false: strata without weights, pairs as drawn          */
};

void report_pairs_compare(struct report_pairs_result *out, const struct report_pairs *pairs,
                          const struct report_pairs_request *request);

#endif

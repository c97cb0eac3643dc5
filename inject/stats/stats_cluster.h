/* SPDX-License-Identifier: MIT */
/* Stratified rates of trials that share items and faults: estimate, two-way variance, interval. */
#ifndef VKFI_INJECT_STATS_CLUSTER_H
#define VKFI_INJECT_STATS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inject/stats/stats_interval.h"

/* One trial. Two trials are independent only if they share neither item nor fault. To infer about
 * the given items alone, not others like them, make each item a stratum with item 0. */
struct stats_cluster_trial {
    uint32_t stratum, item, fault; /* indices; a fault struck only once has its own index */
    uint32_t cell;                 /* index of the pair (item, fault)                           */
    bool counted;                  /* in the denominator: true, or "bits changed", ...          */
    double value;                  /* 1 event, 0 none; in a contrast any number; 0 if uncounted */
    double weight;                 /* 1, or target probability over draw probability            */
};

struct stats_cluster_stratum {
    double weight;     /* W_h of a total (any scale), coefficient c_h of a contrast  */
    double population; /* faults in the stratum, none twice among its trials; 0: infinite, or drawn
                          with replacement */

    /* Filled in by stats_cluster_rate and stats_cluster_contrast. */
    uint64_t trials, counted, events; /* events: counted trials whose value is not 0 */
    uint32_t items, faults, cells;
    double sum_weight, sum_counted, sum_value; /* of weights */
    double rate;                               /* sum_value / sum_counted; NaN without counted */
};

struct stats_cluster_data {
    const struct stats_cluster_trial *trial; /* strata in rising order */
    size_t n_trials;
    struct stats_cluster_stratum *stratum;
    uint32_t n_strata, n_items, n_faults, n_cells; /* above every index used */
    double *scratch;                               /* n_items + n_faults + n_cells */
};

/* rate is NaN if a stratum with weight has no trial, or none is counted. */
struct stats_cluster_estimate {
    uint64_t trials, counted, events;
    uint32_t items, faults;         /* distinct ones                                        */
    double rate;                    /* of a contrast: the contrast                          */
    double variance;                /* of rate                                              */
    double v_item, v_fault, v_cell; /* its parts; NaN of a side with fewer than 2 clusters  */
    double n_effective;             /* independent trials with this variance                */
    double n_proportional;          /* Kish 1965: `counted` as reduced by the weights */
    double n_zero;                  /* the same for the bound of no event */
    double design_effect;           /* variance over that of `counted` independent trials   */
    double df;                      /* of the variance                                      */
    double skew;                    /* of rate, in excess of a binomial's at n_effective    */
    bool whole;                     /* all faults on the only item: rate is known, n_* infinite.
                                       Several items are a sample */
};

/* sum W_h y_h / sum W_h d_h, y_h and d_h the weighted means of `value` and `counted` in a stratum:
 * the total of METHOD.md 1, or with a condition the combined ratio (Cochran 1977, 6.11). Variance
 * by linearisation, V_item + V_fault - V_cell with G / (G - 1) in each stratum and dimension
 * (Cameron, Gelbach, Miller 2011; Miglioretti and Heagerty 2007), not below V_item or V_fault. */
void stats_cluster_rate(struct stats_cluster_estimate *out, const struct stats_cluster_data *data);

/* sum c_h p_h: differences between strata (c = 1, -1), trends over them, the mean of paired
 * differences (values -1, 0, 1; c = 1). design_effect is variance / v_cell; n_* and skew are NaN.
 */
void stats_cluster_contrast(struct stats_cluster_estimate *out,
                            const struct stats_cluster_data *data);

enum stats_cluster_method {
    STATS_CLUSTER_UNKNOWN, /* nothing is known: [0, 1]                             */
    STATS_CLUSTER_ZERO,    /* no event, or only events: zero-event rule */
    STATS_CLUSTER_EXACT,   /* fewer than 10 of either: Clopper-Pearson             */
    STATS_CLUSTER_SCORE,   /* Wilson, its outer end moved out by the excess skew   */
    STATS_CLUSTER_KNOWN,   /* of the whole population: [rate, rate]                */
};

struct stats_cluster_interval {
    struct stats_interval bounds;
    enum stats_cluster_method method;
    double n;     /* put into the formula: n_effective (z / t)^2, t with df (Korn, Graubard 1998) */
    double shift; /* of an end by skewness: above 0 of the upper one, below 0 of the lower one */
};

/* rate, method, n and shift give the bounds: Clopper and Pearson's at rate x n events of n (ZERO
 * and EXACT), Wilson's with one end moved, within [0, 1] (SCORE). */

/* deff_floor (>= 1) divides n where events are too few to show the design effect: that of the whole
 * campaign, or 1 for trials taken as independent. */
struct stats_cluster_request {
    struct stats_interval_level level;
    double deff_floor;
};

void stats_cluster_interval(struct stats_cluster_interval *out,
                            const struct stats_cluster_estimate *estimate,
                            const struct stats_cluster_request *request);

/* Of a contrast: estimate +- t se, not cut at 0 and 1, and P(T >= (estimate - null) / se). */
struct stats_interval stats_cluster_contrast_interval(const struct stats_cluster_estimate *estimate,
                                                      struct stats_interval_level level);
double stats_cluster_contrast_above(const struct stats_cluster_estimate *estimate, double null);

#endif

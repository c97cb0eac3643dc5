/* SPDX-License-Identifier: MIT */
/* Rates of outcomes with interval, n and weights: of all trials, a stratum, or any group. */
#ifndef VKFI_INJECT_REPORT_RATE_H
#define VKFI_INJECT_REPORT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/report/report_data.h"
#include "inject/stats/stats_cluster.h"

/* Sets of outcomes: bit per enum outcome. */
typedef uint32_t report_events;
#define REPORT_EVENT(outcome) (UINT32_C(1) << OUTCOME_##outcome)
#define REPORT_CRITICAL REPORT_EVENT(SDC_CRITICAL)
#define REPORT_SDC                                                                                 \
    (REPORT_EVENT(SDC_UNSCORED) | REPORT_EVENT(SDC_IMPROVED) | REPORT_EVENT(SDC_BENIGN) |          \
     REPORT_EVENT(SDC_CRITICAL))
#define REPORT_DUE REPORT_EVENT(DUE)
#define REPORT_MASKED (REPORT_EVENT(MASKED_BITEXACT) | REPORT_EVENT(MASKED_TOKENS))
#define REPORT_CHANGED_EVENTS (REPORT_SDC | REPORT_DUE | REPORT_MASKED)

/* The denominator of a rate. REPORT_RUNS, for a bit error rate: all runs, also those without a
 * fault. Every trial has at least one, so W_h (1 - P0_h) weighs a stratum, and the rate is
 * multiplied by its sum; else the same as REPORT_ALL. */
enum report_given { REPORT_ALL, REPORT_CHANGED, REPORT_GOLDEN_RIGHT, REPORT_RUNS };

#define REPORT_FEW 30 /* cells with fewer trials are marked (METHOD.md 4) */

struct report_query {
    const uint32_t *index; /* (count) trials of the group, rising; null: all */
    size_t count;
    report_events events;
    enum report_given given;
    struct stats_interval_level level;
    const double *value; /* (trials) the mean of these instead, NaN not counted; null: of events.
                            The interval holds for values in [0, 1] */
};

struct report_rate {
    struct stats_cluster_estimate estimate; /* rate, n, events, items, design effect, ... */
    struct stats_cluster_interval interval;
    double weight;    /* sum of the strata's W_h; NaN with population equal */
    uint32_t strata;  /* of the group's trials */
    bool refused;     /* several strata without weights (METHOD.md 1): no rate */
    uint32_t missing; /* strata with weight and no trial yet: no rate over all */
    double floor;     /* design effect used if the group has few events */
    double share;     /* REPORT_RUNS: share hit by a fault, which multiplies all above; else 1 */
};

/* The parts of the design effect of SDC over all trials: of shared items and shared faults, which a
 * group has in proportion to the trials that share one (Kish 1965: 1 + rho (m - 1)), and the
 * rest. */
struct report_floor {
    double rest, item, fault;     /* 1 + rest + item + fault: the design effect */
    double item_size, fault_size; /* sum n_c^2 / sum n_c over the clusters      */
};

/* Memory for one rate at a time, sized for all trials of `data`. */
struct report_work {
    const struct report_data *data;
    struct stats_cluster_trial *trial;     /* (n) */
    struct stats_cluster_stratum *stratum; /* (n_strata) */
    uint32_t *touched;                     /* (n_strata): marks of strata */
    uint8_t *member;                       /* (n): trial is in the group */
    uint32_t *mark;                        /* (n_items + n_faults + n_cells): stamps */
    uint32_t *number;                      /* the same: dense numbers */
    double *scratch;                       /* the same */
    size_t *first;                         /* (n_strata + 1): first trial of a stratum */
    uint32_t stamp;
    struct report_floor floor; /* zeros: 1 */
};

enum status report_work_init(struct report_work *out, struct arena *arena,
                             const struct report_data *data) STATUS_MUST_USE;

/* Domain estimate (Cochran 1977, 5A.14): all trials of the strata that the group touches count in
 * the variance, its own in numerator and denominator. The interval is [0, 1] if it is refused. */
void report_rate(struct report_rate *out, struct report_work *work,
                 const struct report_query *query);

/* The stats_cluster input of the same, for other estimators; valid until the next call. */
void report_rate_data(struct stats_cluster_data *out, struct report_work *work,
                      const struct report_query *query);

/* The design effect used for trials of report_rate_data with few events. */
double report_rate_floor_of(const struct report_work *work, const struct stats_cluster_data *data);

/* Sets data->design_effect and work->floor. */
void report_rate_floor(struct report_data *data, struct report_work *work);

/* True if the rate is not the share of events as drawn (events / counted): strata weigh
 * otherwise. */
bool report_rate_is_weighted(const struct report_rate *rate);

bool report_rate_holds(const struct report_trial *trial, enum report_given given);

#endif

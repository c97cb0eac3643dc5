/* SPDX-License-Identifier: MIT */
/* The SDC share of the trials done so far, with its interval, for progress. */
#ifndef VKFI_INJECT_CAMPAIGN_ESTIMATE_H
#define VKFI_INJECT_CAMPAIGN_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/plan/sample.h"
#include "inject/stats/stats_cluster.h"
#include "inject/store/trial_row.h"

struct campaign_estimate;

/* plan and sample outlive it. */
enum status campaign_estimate_create(struct campaign_estimate **out, const struct plan *plan,
                                     const struct sample *sample) STATUS_MUST_USE;
void campaign_estimate_destroy(struct campaign_estimate **estimate);

/* A row of the database; controls are skipped. */
enum status campaign_estimate_add(struct campaign_estimate *estimate,
                                  const struct trial_row *row) STATUS_MUST_USE;

struct campaign_estimate_result {
    uint64_t counted, sdc, due, critical; /* counted trials, and of them */
    bool rated;    /* the strata have weights, and each with weight has trials */
    bool weighted; /* strata weigh otherwise than drawn: rate is not the share of events */
    bool enough;   /* items and trials for a valid interval */
    double rate;
    struct stats_cluster_interval interval;
    double confidence; /* of the interval: 0.95, more for a look at an extended campaign */
};

/* Current counts; rate and interval are computed anew at most every two seconds and for at most a
 * twentieth of the time. */
enum status campaign_estimate_now(struct campaign_estimate *estimate,
                                  struct campaign_estimate_result *out) STATUS_MUST_USE;

/* The same, with the current rate and interval. */
enum status campaign_estimate_final(struct campaign_estimate *estimate,
                                    struct campaign_estimate_result *out) STATUS_MUST_USE;

#endif

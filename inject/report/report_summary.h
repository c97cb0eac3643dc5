/* SPDX-License-Identifier: MIT */
/* The tables of a report: outcomes, checks, controls, devices, incidents. */
#ifndef VKFI_INJECT_REPORT_SUMMARY_H
#define VKFI_INJECT_REPORT_SUMMARY_H

#include "inject/report/report_figure.h"
#include "inject/stats/stats_bootstrap.h"

/* Rates over the whole campaign. */
struct report_totals {
    struct report_rate sdc, sdc_changed, due, critical, main, main_changed, changed;
    struct report_rate main_runs, sdc_runs; /* of all runs of a bit error rate; else of trials */
    double no_fault;                        /* bit error rate: share of runs without a fault */
};
void report_summary_totals(struct report_totals *out, struct report_context *context);

/* Each is a table with id, caption and data. */
enum status report_summary_outcomes(struct report_table *out, struct report_context *context);
enum status report_summary_checks(struct report_table *out, struct report_context *context);
enum status report_summary_kept(struct report_table *out, struct report_context *context);
enum status report_summary_devices(struct report_table *out, struct report_context *context);
enum status report_summary_flags(struct report_table *out, struct report_context *context);

/* Percentile interval of the main rate from the design's clusters: the cross-check. */
struct report_bootstrap {
    struct stats_bootstrap_result result;
    struct stats_interval interval;
    enum stats_bootstrap_unit unit;
    uint32_t replicates;
    uint64_t seed;
};
enum status report_summary_bootstrap(struct report_bootstrap *out, struct report_context *context,
                                     report_events events, enum report_given given) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Whether a campaign's rate is below a limit: one look at a finished one, or the plan's stopping
 * rule. */
#ifndef VKFI_INJECT_REPORT_GATE_H
#define VKFI_INJECT_REPORT_GATE_H

#include "inject/report/report_rate.h"
#include "inject/report/report_source.h"
#include "inject/stats/stats_gate.h"

struct report_gate_request {
    double limit, confidence;
    report_events events;
    enum report_given given;
    const char *stratum; /* a label or conditions: report_select.h; null: all strata */
    uint32_t looked;     /* spending: the first looks, known to be undecided */
};

struct report_gate {
    struct stats_gate_result result; /* verdict and one-sided bounds */
    double rate, n_effective, design_effect, df;
    double share;  /* of all runs: share hit by a fault, which multiplies rate and bounds; else 1 */
    bool weighted; /* strata weigh otherwise than drawn: the rate is not the share of events */
    uint64_t counted, events, trials; /* trials: of the look, counted or not */
    uint32_t items;                   /* time_uniform: the observations */
    enum plan_stop rule;
    uint32_t look; /* with spending or waves: 1 .. looks; 0 before the first */
    double tail;   /* that this look may use */
    double spent;  /* by it and earlier looks; rules fixed and waves */
    bool complete;
};

/* Loads what the rule allows a look at. With a stopping rule looks are taken in order and the first
 * decision stands, whatever the database holds beyond it: a growing campaign's answer, once given,
 * does not change. STATUS_INPUT, logged, if no gate is possible: a growing database of a plan
 * without stopping rule, a shard, suspect rows, a total over strata without weights, an unknown
 * stratum, no scores, a time-uniform rule with a design other than nested. */
enum status report_gate_decide(struct report_gate *out, struct report_source *source,
                               const struct report_gate_request *request) STATUS_MUST_USE;

/* The question of a plan. */
struct report_gate_request report_gate_question(const struct plan_gate *question);

const char *report_gate_word(enum stats_gate_verdict verdict); /* "passed", "failed", "undecided" */

/* Ids 0 .. n - 1 that all have rows. */
enum status report_looks_leading(const struct report_source *source, uint64_t *out) STATUS_MUST_USE;

/* Time-uniform bounds from items in the order of plan_stop_item, as far as the first floor(planned
 * / items) trials of every stratum are done: sum W_h y_h of an item lies in [0, 1], and items are
 * independent. */
enum status report_looks_uniform(struct report_gate *out, const struct report_data *data,
                                 const struct report_gate_request *request) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* The verdict of a gate and its output. */
#ifndef VKFI_CLI_GATE_H
#define VKFI_CLI_GATE_H

#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"
#include "inject/report/report_corpus.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_interval.h"
#include "inject/report/report_pairs.h"
#include "inject/report/report_pass.h"
#include "inject/report/report_tasks.h"
#include "inject/stats/stats_gate.h"

#define CLI_GATE_TASKS 0.95 /* confidence of what is told of tasks, both sides */

struct cli_gate_options {
    struct args_list databases;
    double max, confidence, margin; /* NaN if not given */
    int of, given;                  /* as in plan.h; -1 if not given */
    const char *stratum, *baseline, *junit, *arm;
    bool json, allow_suspect;
    struct plan_gate question; /* from the options, or from the plan */
};

struct cli_gate_result {
    bool has_limit, has_baseline;
    enum stats_gate_verdict verdict; /* of all limits: failed if one is, else undecided if one is */
    struct report_gate gate;
    struct report_corpora corpora;    /* the same */
    struct report_passes passes;      /* the same */
    struct report_tasks tasks;        /* of the trials looked at */
    struct report_pairs_result pairs; /* first: new, second: old */
    double confidence;                /* of the comparison: plan_waves.h */
    uint64_t only_new, only_old;
    uint32_t items_apart;
    enum stats_gate_verdict against_old;
};

/* One line without line feed, as "sdc of all below 2 %: passed at look 1 (...)", for a campaign
 * with a question. */
void cli_gate_line(FILE *file, const struct report_gate *gate, const struct plan_gate *question);
/* Members of an object: verdict, max, rate, upper, lower, n, ... */
void cli_gate_members(struct json_writer *w, const struct report_gate *gate,
                      const struct plan_gate *question);

/* On standard output, as text or JSON. */
enum status cli_gate_print(const struct cli_gate_result *result,
                           const struct cli_gate_options *options) STATUS_MUST_USE;
enum status cli_gate_junit(const struct cli_gate_result *result,
                           const struct cli_gate_options *options) STATUS_MUST_USE;

/* --- pairs of two databases in words, for `vkfi compare` too --- */

/* "only 1" and "only 2" of n: the independent pairs of Tango's interval; four digits each. */
struct cli_pairs_table {
    char first_only[REPORT_INTERVAL_TEXT], second_only[REPORT_INTERVAL_TEXT];
    char n[REPORT_INTERVAL_TEXT];
};
void cli_pairs_table(struct cli_pairs_table *out, const struct report_pairs_result *result);

/* "+0.29 [-0.10, +0.68]" in points, with the digits of the interval. */
void cli_pairs_difference(char out[REPORT_INTERVAL_TEXT], const struct report_pairs_result *result);

/* Whether `new` is worse than `old` by the margin: first and second of the result, or vice
 * versa. */
struct cli_pairs_question {
    const struct report_pairs_result *result;
    const char *new, *old, *of; /* their names; "sdc" */
    bool first_is_new;
    double margin, confidence; /* one-sided */
};

/* By one-sided bounds of new minus old, each at the same confidence: PASS if the upper one is
 * within the margin, FAIL if the lower one is not, else UNDECIDED. */
enum stats_gate_verdict cli_pairs_decide(const struct cli_pairs_question *question);

/* "passed: NEW has at most 0.52 points more sdc than OLD (one-sided at 95 %); the margin is 1". */
void cli_pairs_verdict(struct text *out, const struct cli_pairs_question *question);

#endif

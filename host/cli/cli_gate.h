/* SPDX-License-Identifier: MIT */
/* The verdict of a gate and how it is told. */
#ifndef VKFI_CLI_GATE_H
#define VKFI_CLI_GATE_H

#include <stdio.h>

#include "base/args.h"
#include "base/json.h"
#include "base/status.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_pairs.h"

struct cli_gate_options {
    struct args_list databases;
    double max, confidence, margin; /* NaN if not given */
    int of, given;                  /* as in plan.h; -1 if not given */
    const char *stratum, *baseline, *junit;
    bool json, allow_suspect;
    struct plan_gate question; /* what is asked: from the options, or from the plan */
};

struct cli_gate_result {
    bool has_limit, has_baseline;
    enum stats_gate_verdict verdict; /* of all limits together: failed if one is, else
                                      * undecided if one is                             */
    struct report_gate gate;
    struct report_pairs_result pairs; /* first: new, second: old */
    double confidence;                /* of the comparison: plan_waves.h */
    uint64_t only_new, only_old;
    uint32_t items_apart;
    enum stats_gate_verdict against_old;
};

/* One line without its end, as "sdc of all below 2 %: passed at look 1 (...)": for a campaign that
 * asks its plan's question. */
void cli_gate_line(FILE *file, const struct report_gate *gate, const struct plan_gate *question);
/* Members of an object: verdict, max, rate, upper, lower, n, ... */
void cli_gate_members(struct json_writer *w, const struct report_gate *gate,
                      const struct plan_gate *question);

/* On standard output, as text or JSON. */
enum status cli_gate_print(const struct cli_gate_result *result,
                           const struct cli_gate_options *options) STATUS_MUST_USE;
enum status cli_gate_junit(const struct cli_gate_result *result,
                           const struct cli_gate_options *options) STATUS_MUST_USE;

#endif

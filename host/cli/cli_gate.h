/* SPDX-License-Identifier: MIT */
/* The verdict of a gate and how it is told. */
#ifndef VKFI_CLI_GATE_H
#define VKFI_CLI_GATE_H

#include "base/args.h"
#include "base/status.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_pairs.h"

struct cli_gate_options {
    struct args_list databases;
    double max, confidence, margin; /* max, margin: NaN if not given */
    int of, given;
    const char *stratum, *baseline, *junit;
    bool json;
};

struct cli_gate_result {
    bool has_limit, has_baseline, passed;
    struct report_gate gate;
    struct report_pairs_result pairs; /* first: new, second: old */
    uint64_t only_new, only_old;
    uint32_t items_apart;
    bool not_worse;
};

const char *cli_gate_of(const struct cli_gate_options *options);
const char *cli_gate_given(const struct cli_gate_options *options);

/* On standard output, as text or JSON. */
enum status cli_gate_print(const struct cli_gate_result *result,
                           const struct cli_gate_options *options) STATUS_MUST_USE;
enum status cli_gate_junit(const struct cli_gate_result *result,
                           const struct cli_gate_options *options) STATUS_MUST_USE;

#endif

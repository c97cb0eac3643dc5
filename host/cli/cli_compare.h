/* SPDX-License-Identifier: MIT */
/* What a comparison of two databases found, and how it is told. */
#ifndef VKFI_CLI_COMPARE_H
#define VKFI_CLI_COMPARE_H

#include "base/args.h"
#include "base/status.h"
#include "inject/report/report_conform.h"
#include "inject/report/report_pairs.h"
#include "inject/stats/stats_gate.h"

/* Classes compared in pairs. */
#define CLI_COMPARE_CLASSES 5
extern const struct cli_compare_class {
    const char *name;
    report_events events;
    bool scored; /* only where there are scores */
} cli_compare_class[CLI_COMPARE_CLASSES];

struct cli_compare_options {
    struct args_list databases;
    double margin, confidence;
    double spends; /* what a look at extended campaigns may spend of the error: plan_waves.h */
    int given;
    bool baseline, reliability, json, allow_suspect;
};

struct cli_compare_result {
    const char *first, *second; /* paths */
    const char *device_first, *device_second;
    uint32_t items[2], underflow[2]; /* of each; marked underflow by their golden runs */
    bool has_conform, has_pairs, scored;
    struct report_conform conform;
    struct report_pairs pairs;
    struct report_pairs_result of[CLI_COMPARE_CLASSES];
    enum stats_gate_verdict verdict; /* baseline: SDC of the second against the first */
};

enum status cli_compare_print(const struct cli_compare_result *result,
                              const struct cli_compare_options *options) STATUS_MUST_USE;
/* An object of the list in the JSON output. */
void cli_compare_json(struct json_writer *w, const struct cli_compare_result *result,
                      const struct cli_compare_options *options);

#endif

/* SPDX-License-Identifier: MIT */
/* Records of trials for people and programs. */
#ifndef VKFI_CLI_RECORD_H
#define VKFI_CLI_RECORD_H

#include "base/json.h"
#include "base/status.h"
#include "cli/cli_protection.h"
#include "inject/store/trial_row_view.h"
#include "inject/trial/trial.h"

/* What a record is read with. */
struct cli_record_context {
    const struct golden *golden;
    struct fault_bounds bounds;
    const char *golden_text;
    const struct cli_protection *protection; /* of the trials; null: none */
};

/* One object: an export's fields of a trial, without those of a campaign only (trial_row_view.h).
 */
void cli_record_json(struct json_writer *w, const struct cli_record_context *context,
                     const struct record *record);

/* A block of lines: the row, and coordinates, tokens and deviations in words; `number` of `count`
 * in its title. */
enum status cli_record_text(const struct cli_record_context *context, const struct record *record,
                            uint32_t number, uint32_t count) STATUS_MUST_USE;

/* "30", "1,2,8-30", "0x40000000" for set, "" for kinds without bits; returns `out`. */
const char *cli_record_bits(const struct fault *fault, char *out, size_t size);

/* "row 3, k 8..15, all keys": the coordinates that the fault's site and point use. Returns `out`.
 */
#define CLI_RECORD_WHERE 160
const char *cli_record_where(const struct fault *fault, const struct fault_bounds *bounds,
                             char *out, size_t size);

#endif

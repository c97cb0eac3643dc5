/* SPDX-License-Identifier: MIT */
/* Records of trials for people. */
#ifndef VKFI_CLI_RECORD_H
#define VKFI_CLI_RECORD_H

#include "base/status.h"
#include "lib/lib_record.h"

/* A block of lines: the row, and coordinates, tokens and deviations in words; `number` of `count`
 * in its title. */
enum status cli_record_text(const struct lib_record_context *context, const struct record *record,
                            uint32_t number, uint32_t count) STATUS_MUST_USE;

/* "30", "1,2,8-30", "0x40000000" for set, "" for kinds without bits; returns `out`. */
const char *cli_record_bits(const struct fault *fault, char *out, size_t size);

/* "row 3, k 8..15, all keys": the coordinates that the fault's site and point use. Returns `out`.
 */
#define CLI_RECORD_WHERE 160
const char *cli_record_where(const struct fault *fault, const struct fault_bounds *bounds,
                             char *out, size_t size);

#endif

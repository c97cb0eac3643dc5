/* SPDX-License-Identifier: MIT */
/* What several commands print: detokenised text, quoted text, byte counts. */
#ifndef VKFI_CLI_OUTPUT_H
#define VKFI_CLI_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "model/detokenizer.h"

/* Hands over what was written to standard output; STATUS_IO, logged, if not all of it arrived. */
enum status cli_output_flush(void) STATUS_MUST_USE;

/* Appends the text of generated ids; special tokens give none. out->data is not null afterwards. */
enum status cli_output_tokens(struct text *out, const struct tokenizer *tk, const int32_t *ids,
                              size_t count) STATUS_MUST_USE;

/* In double quotes on one line, control characters escaped. */
void cli_output_quoted(const char *text);

/* "98.4 MB", decimal units; returns `out`. */
const char *cli_output_bytes(char out[32], double bytes);

/* Nine digits, denormals too, which arithmetic here takes for zero; returns `out`. */
const char *cli_output_float(char out[32], float value);

void cli_output_ids(struct json_writer *w, const int32_t *ids, size_t count);

/* A member: a number, or null where it is negative: not measured. */
void cli_output_measured(struct json_writer *w, const char *key, double value);

#endif

/* SPDX-License-Identifier: MIT */
/* The option table and the manual page of `vkfi run`. */
#ifndef VKFI_CLI_RUN_HELP_H
#define VKFI_CLI_RUN_HELP_H

#include "cli/cli_run.h"

/* As args_parse; `options` holds the defaults before. */
enum status cli_run_parse(struct cli_run_options *options, int argc, char **argv,
                          bool *out_done) STATUS_MUST_USE;

#endif

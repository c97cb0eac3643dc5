/* SPDX-License-Identifier: MIT */
/* The action `info` of `vkfi model`. */
#ifndef VKFI_CLI_MODEL_H
#define VKFI_CLI_MODEL_H

#include "cli/cli.h"

/* Prints what the model of the one operand is; `options` is a bool: as JSON. */
enum status cli_model_info(const struct cli_env *env, const void *options,
                           const struct args_list *operands) STATUS_MUST_USE;

#endif

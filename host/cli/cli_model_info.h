/* SPDX-License-Identifier: MIT */
/* `vkfi model info`. */
#ifndef VKFI_CLI_MODEL_INFO_H
#define VKFI_CLI_MODEL_INFO_H

#include <stdbool.h>

#include "base/status.h"
#include "cli/cli_env.h"

enum status cli_model_info(const struct cli_env *env, const char *model, bool json) STATUS_MUST_USE;

#endif

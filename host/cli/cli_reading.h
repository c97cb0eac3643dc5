/* SPDX-License-Identifier: MIT */
/* What commands that read databases have in common. */
#ifndef VKFI_CLI_READING_H
#define VKFI_CLI_READING_H

#include "base/args.h"
#include "base/status.h"

/* Between `least` and `most` operands; STATUS_USAGE, logged, otherwise. */
enum status cli_reading_check(const struct args_list *databases, size_t least,
                              size_t most) STATUS_MUST_USE;

#endif

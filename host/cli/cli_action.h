/* SPDX-License-Identifier: MIT */
/* The action behind a command: `vkfi plan check`, `vkfi model get`. */
#ifndef VKFI_CLI_ACTION_H
#define VKFI_CLI_ACTION_H

#include <stddef.h>

#include "base/args.h"
#include "base/status.h"

struct cli_actions {
    const char *command;     /* "plan" */
    const char *const *name; /* (count) */
    size_t count;
    const char *expected; /* "check, show, expand or diff" */
};

/* Index of the first operand among the actions; STATUS_USAGE, with a suggestion, if it is none. */
enum status cli_action_find(const struct cli_actions *actions, const struct args_list *words,
                            size_t *out) STATUS_MUST_USE;

#endif

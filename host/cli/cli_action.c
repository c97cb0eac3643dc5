/* SPDX-License-Identifier: MIT */
/* Looks up the action behind a command. */
#include "cli/cli_action.h"

#include <string.h>

#include "base/log.h"

enum status cli_action_find(const struct cli_actions *actions, const struct args_list *words,
                            size_t *out)
{
    const char *action = words->count > 0 ? words->item[0] : "";
    for (*out = 0; *out < actions->count; (*out)++) {
        if (strcmp(action, actions->name[*out]) == 0)
            return STATUS_OK;
    }
    const char *nearest = args_nearest(action, actions->name, actions->count);
    if (nearest)
        log_error("%s: found '%s', did you mean '%s'?", actions->command, action, nearest);
    else if (words->count > 0)
        log_error("%s: found '%s', expected %s", actions->command, action, actions->expected);
    else
        log_error("%s: found no action, expected %s", actions->command, actions->expected);
    return STATUS_USAGE;
}

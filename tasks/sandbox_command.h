/* SPDX-License-Identifier: MIT */
/* The command line that puts a program into bubblewrap and under its limits. */
#ifndef VKFI_TASKS_SANDBOX_COMMAND_H
#define VKFI_TASKS_SANDBOX_COMMAND_H

#include "tasks/sandbox.h"

/* Descriptors of the child that becomes the command; the program gets the channel alone. */
#define SANDBOX_COMMAND_CHANNEL 3
#define SANDBOX_COMMAND_NEWS 4   /* closed by exec: what the child tells before */
#define SANDBOX_COMMAND_FILTER 5 /* sandbox_filter.h, for bwrap */

/* Ends with null; null when host memory is out. */
char *const *sandbox_command(struct arena *arena, const struct sandbox_host *host,
                             const struct sandbox_params *params);

/* Its environment: what the program sees is the same on every machine. */
char *const *sandbox_command_environment(void);

#endif

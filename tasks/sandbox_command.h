/* SPDX-License-Identifier: MIT */
/* The command line that puts a program into bubblewrap and under its limits. */
#ifndef VKFI_TASKS_SANDBOX_COMMAND_H
#define VKFI_TASKS_SANDBOX_COMMAND_H

#include "tasks/sandbox.h"

/* Descriptors of the child that becomes the command; the program gets the channel alone. */
#define SANDBOX_COMMAND_CHANNEL 3
#define SANDBOX_COMMAND_NEWS 4   /* closed by exec: the child's messages before it */
#define SANDBOX_COMMAND_FILTER 5 /* sandbox_filter, for bwrap */

/* Null-terminated; null if out of host memory. */
char *const *sandbox_command(struct arena *arena, const struct sandbox_host *host,
                             const struct sandbox_params *params);

/* Its environment, the same on every machine. */
char *const *sandbox_command_environment(void);

/* sandbox_filter.c: a seccomp program of `*out_size` bytes, as bwrap reads it: no new processes
 * (threads may start), no memory outside the limits (System V, memfd), no tracing, no kernel
 * interfaces that tests of a program never need. Each of these calls fails with EPERM. */
const void *sandbox_filter(size_t *out_size);

#endif

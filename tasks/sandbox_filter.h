/* SPDX-License-Identifier: MIT */
/* The system calls that a program in the sandbox may not make. */
#ifndef VKFI_TASKS_SANDBOX_FILTER_H
#define VKFI_TASKS_SANDBOX_FILTER_H

#include <stddef.h>

/* A seccomp program of `*out_size` bytes, as bwrap reads it: no new processes (threads may start),
 * no memory outside the limits (System V, memfd), no tracing, no kernel interfaces that tests of a
 * program never need. Each of these calls fails with EPERM. */
const void *sandbox_filter(size_t *out_size);

#endif

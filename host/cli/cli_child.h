/* SPDX-License-Identifier: MIT */
/* A measurement in a process of its own: its peak of memory is then the measurement's alone. */
#ifndef VKFI_CLI_CHILD_H
#define VKFI_CLI_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cli_child {
    const char *device; /* for messages */
    void *out;          /* (size) plain data: it crosses a pipe */
    size_t size;
    /* Runs in the child, fills its copy of `out`. */
    enum status (*measure)(void *user, void *out);
    void *user;
};

/* The child's status; STATUS_DEVICE if a signal ended it. */
enum status cli_child_run(const struct cli_child *child) STATUS_MUST_USE;

/* Peak resident memory of this process, 0 where /proc does not tell. */
uint64_t cli_child_peak(void);

#endif

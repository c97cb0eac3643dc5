/* SPDX-License-Identifier: MIT */
/* The fast way to run a trial: fork from golden state, verify the golden continuation, decode on
 * from the first difference (engine 2 and 3). */
#ifndef VKFI_INJECT_FORK_H
#define VKFI_INJECT_FORK_H

#include "base/arena.h"
#include "base/status.h"
#include "inject/trial/trial.h"

/* A trial while it runs. */
struct trial {
    const struct golden *golden;
    const struct fault *fault;
    struct tap tap;
    struct tap_fault tapped;
    struct tap_proof proof;
    struct generation run; /* what the faulted run gave */
};

/* Fills trial->run, with the residuals of the struck position in the golden's spare row for the
 * layers behind fork_first_layer. */
enum status fork_run(struct trial *trial, struct arena *arena) STATUS_MUST_USE;

/* First layer evaluated for the struck column: all boundaries up to its input are golden. */
uint32_t fork_first_layer(const struct trial *trial);

#endif

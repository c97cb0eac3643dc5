/* SPDX-License-Identifier: MIT */
/* Runs of untrusted programs, several at a time, in bubblewrap with limits inside. */
#ifndef VKFI_TASKS_SANDBOX_H
#define VKFI_TASKS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* This machine's abilities, asked once. Inside there is no network, home or /proc, only /usr
 * (read-only), a few devices and a private /tmp; no other process can be started there. */
struct sandbox_host {
    bool unsandboxed; /* programs run as this user on this machine: only if a person asked for it */
};

/* STATUS_INPUT, logged with the reason, if bubblewrap is missing or cannot run here. */
enum status sandbox_host_init(struct sandbox_host *out) STATUS_MUST_USE;

struct sandbox_limits {
    uint32_t cpu_seconds;  /* of each process; it gets SIGXCPU, a second later SIGKILL */
    double wall_seconds;   /* from the start; a later poll kills the run */
    uint64_t memory;       /* bytes of address space */
    uint64_t file_bytes;   /* all of /tmp, and one file */
    uint64_t output_bytes; /* of standard output, and as much of standard error */
    uint32_t tasks;        /* processes and threads, two of them for the sandbox itself */
    uint32_t files;        /* open descriptors */
};

struct sandbox_params {
    const char *const *argv; /* null-terminated; argv[0] is a path below /usr */
    const char *input;       /* (input_size) the standard input */
    size_t input_size;
    int channel; /* becomes descriptor 3 inside, stays the caller's; negative: none */
    struct sandbox_limits limits;
};

enum sandbox_end {
    SANDBOX_EXITED,  /* by itself: `code` */
    SANDBOX_SIGNAL,  /* by the signal `code` */
    SANDBOX_WALL,    /* killed: wall_seconds were over */
    SANDBOX_OUTPUT,  /* killed: it wrote more than output_bytes */
    SANDBOX_STOPPED, /* killed by sandbox_stop */
};

struct sandbox_result {
    enum sandbox_end end;
    int code;
    const char *output, *errors; /* null-terminated; all output up to the limit */
    size_t output_size, errors_size;
};

struct sandbox;
#define SANDBOX_WAIT_MAX 64 /* runs to wait for at once */

/* Copies all of `params` but the channel. The calling thread must live as long as the run: if it
 * ends, the run is killed. STATUS_IO or STATUS_MEMORY, logged, if the system refuses to start a
 * process. */
enum status sandbox_start(struct sandbox **out, const struct sandbox_host *host,
                          const struct sandbox_params *params) STATUS_MUST_USE;

/* Reads available output without waiting; null during the run, then its result, owned by the
 * handle. Once there is a result, no process or file of the run is left. */
const struct sandbox_result *sandbox_poll(struct sandbox *box);

/* Waits until one of n runs has something for sandbox_poll, at most `seconds`. Ended and null ones
 * are skipped. */
void sandbox_wait(struct sandbox *const *box, size_t n, double seconds);

/* Kills the whole run; it ends SANDBOX_STOPPED if it has not ended yet. */
const struct sandbox_result *sandbox_stop(struct sandbox *box);

void sandbox_destroy(struct sandbox **box);

#endif

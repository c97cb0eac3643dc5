/* SPDX-License-Identifier: MIT */
/* Runs of programs that nobody trusts: bubblewrap around them, limits in it, several at a time. */
#ifndef VKFI_TASKS_SANDBOX_H
#define VKFI_TASKS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* What this machine can do, asked once. Inside there is no network, no home, no /proc, nothing but
 * /usr (read-only), a few devices and a private /tmp; no other process can be started there. */
struct sandbox_host {
    bool unsandboxed; /* programs run as this user on this machine: only where a person said so */
};

/* STATUS_INPUT, logged with the reason, where bubblewrap is missing or cannot run here. */
enum status sandbox_host_init(struct sandbox_host *out) STATUS_MUST_USE;

struct sandbox_limits {
    uint32_t cpu_seconds;  /* of each process; it gets SIGXCPU, a second later SIGKILL */
    double wall_seconds;   /* from start; a run is killed when it is polled after them */
    uint64_t memory;       /* bytes of address space */
    uint64_t file_bytes;   /* all of /tmp, and one file */
    uint64_t output_bytes; /* standard output, and as much of standard error */
    uint32_t tasks;        /* processes and threads, with two for the sandbox itself */
    uint32_t files;        /* open descriptors */
};

struct sandbox_params {
    const char *const *argv; /* ends with null; argv[0] is a path below /usr */
    const char *input;       /* (input_size) what standard input reads */
    size_t input_size;
    int channel; /* becomes descriptor 3 inside, stays the caller's here; negative: none */
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
    const char *output, *errors; /* null-terminated; what was written to the end, bounded */
    size_t output_size, errors_size;
};

struct sandbox;
#define SANDBOX_WAIT_MAX 64 /* runs that are waited for at once */

/* Copies all of `params` but the channel. The thread that calls this has to live as long as the
 * run: where it ends, the run is killed. STATUS_IO or STATUS_MEMORY, logged, if the system refuses
 * to start a process. */
enum status sandbox_start(struct sandbox **out, const struct sandbox_host *host,
                          const struct sandbox_params *params) STATUS_MUST_USE;

/* Reads what is there, without waiting; null while the run goes on, then its result, which the
 * handle owns. Once there is a result no process and no file of the run is left. */
const struct sandbox_result *sandbox_poll(struct sandbox *box);

/* Waits until one of n runs has something for sandbox_poll, for at most `seconds`. Those that have
 * ended are passed over; null ones too. */
void sandbox_wait(struct sandbox *const *box, size_t n, double seconds);

/* Kills all of it at once; it ends SANDBOX_STOPPED if it has not ended yet. */
const struct sandbox_result *sandbox_stop(struct sandbox *box);

void sandbox_destroy(struct sandbox **box);

#endif

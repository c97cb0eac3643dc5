/* SPDX-License-Identifier: MIT */
/* A worker's process: started by fork, spoken to through a channel, ended and described. */
#ifndef VKFI_INJECT_CAMPAIGN_PROCESS_H
#define VKFI_INJECT_CAMPAIGN_PROCESS_H

#include <sys/types.h>

#include "base/status.h"
#include "inject/campaign/campaign_channel.h"

struct campaign_process {
    pid_t pid; /* 0: none */
    struct campaign_channel channel;
};

struct campaign_process_params {
    enum status (*body)(void *user, struct campaign_channel *channel);
    void *user;
    void (*leave)(int code); /* ends the child: _exit */
    int file;                /* 1 + a descriptor that the child keeps; 0: none */
};

/* Forks; the child runs `body` on its end of the channel and leaves with its status. The child
 * keeps only standard input, output, error, `file` and its end; it ignores SIGINT and SIGTERM,
 * which the parent handles, and dies with the parent. Call it before this process has threads. */
enum status campaign_process_start(struct campaign_process *out,
                                   const struct campaign_process_params *params) STATUS_MUST_USE;

/* Closes the channel, which ends an idle worker, waits `patience` seconds for the process to end,
 * then kills it. `how` (null: not wanted): "ended with code 3", "was ended by signal 11
 * (Segmentation fault)", "had to be killed". Returns its exit code, minus the signal that ended it,
 * INT_MIN if it had to be killed, 0 if there is no process. */
#define CAMPAIGN_PROCESS_HOW 96
int campaign_process_end(struct campaign_process *process, double patience,
                         char how[CAMPAIGN_PROCESS_HOW]);

#endif

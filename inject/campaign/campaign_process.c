/* SPDX-License-Identifier: MIT */
/* Forks workers and waits for them. */
#define _GNU_SOURCE /* close_range */
#include "inject/campaign/campaign_process.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* Another worker's channel held open here would hide that worker's end from the parent and the
 * parent's end from that worker; the database is of no use after a fork. */
static void close_others(int one, int other)
{
    const unsigned first = STDERR_FILENO + 1;
    const unsigned low = (unsigned)(one < other ? one : other);
    const unsigned high = (unsigned)(one < other ? other : one);
    if (low > first)
        close_range(first, low - 1, 0);
    if (high > low + 1 && high > first)
        close_range(low + 1 > first ? low + 1 : first, high - 1, 0);
    close_range(high + 1 > first ? high + 1 : first, ~0U, 0);
}

static void run_child(const struct campaign_process_params *params, int fd, pid_t parent)
{
    struct campaign_channel channel = {.fd = fd};
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    close_others(fd, params->file > 0 ? params->file - 1 : fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before prctl */
        params->leave(STATUS_IO);
    params->leave((int)params->body(params->user, &channel));
}

enum status campaign_process_start(struct campaign_process *out,
                                   const struct campaign_process_params *params)
{
    int fd[2];
    *out = (struct campaign_process){.channel.fd = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0) {
        log_error("cannot make a channel to a worker: %s", strerror(errno));
        return STATUS_IO;
    }
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0)
        run_child(params, fd[1], parent);
    close(fd[1]);
    if (child < 0) {
        log_error("cannot start a worker: %s", strerror(errno));
        close(fd[0]);
        return STATUS_MEMORY;
    }
    out->pid = child;
    out->channel.fd = fd[0];
    return STATUS_OK;
}

static void describe(int code, char how[CAMPAIGN_PROCESS_HOW])
{
    if (WIFSIGNALED(code))
        snprintf(how, CAMPAIGN_PROCESS_HOW, "was ended by signal %d (%s)", WTERMSIG(code),
                 strsignal(WTERMSIG(code)));
    else
        snprintf(how, CAMPAIGN_PROCESS_HOW, "ended with code %d", WEXITSTATUS(code));
}

/* True once the process has ended; `*code` as from waitpid. */
static bool has_ended(pid_t pid, int *code, int options)
{
    pid_t got;
    do
        got = waitpid(pid, code, options);
    while (got < 0 && errno == EINTR);
    return got != 0;
}

int campaign_process_end(struct campaign_process *process, double patience,
                         char how[CAMPAIGN_PROCESS_HOW])
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const double end = clock_seconds() + patience;
    int code = 0;
    if (process->pid == 0)
        return 0;
    campaign_channel_finish(&process->channel);
    bool ended = has_ended(process->pid, &code, WNOHANG);
    while (!ended && clock_seconds() < end) {
        nanosleep(&pause, NULL);
        ended = has_ended(process->pid, &code, WNOHANG);
    }
    if (!ended) {
        kill(process->pid, SIGKILL);
        has_ended(process->pid, &code, 0);
    }
    process->pid = 0;
    if (how && ended)
        describe(code, how);
    else if (how)
        snprintf(how, CAMPAIGN_PROCESS_HOW, "had to be killed");
    if (!ended)
        return INT_MIN;
    return WIFEXITED(code) ? WEXITSTATUS(code) : -WTERMSIG(code);
}

/* SPDX-License-Identifier: MIT */
/* Forks, measures, and brings the figures back through a pipe. */
#include "cli/cli_child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

/* False if the child wrote less. */
static bool read_all(int fd, void *out, size_t size)
{
    char *at = out;
    size_t got = 0;
    while (got < size) {
        const ssize_t n = read(fd, at + got, size - got);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return got == size;
}

/* Never returns. */
static void run(int fd, const struct cli_child *child)
{
    enum status st = child->measure(child->user, child->out);
    if (!st && write(fd, child->out, child->size) != (ssize_t)child->size)
        st = STATUS_IO;
    _exit((int)st);
}

enum status cli_child_run(const struct cli_child *child)
{
    int fd[2], how = 0;
    if (pipe(fd) != 0) {
        log_error("cannot make a pipe: %s", strerror(errno));
        return STATUS_IO;
    }
    fflush(stdout); /* or the child would print it once more */
    const pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        run(fd[1], child);
    }
    close(fd[1]);
    if (pid < 0) {
        log_error("cannot start a process: %s", strerror(errno));
        close(fd[0]);
        return STATUS_MEMORY;
    }
    const bool complete = read_all(fd[0], child->out, child->size);
    close(fd[0]);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(how)) {
        log_error("device %s: the measurement ended by signal %d", child->device, WTERMSIG(how));
        return STATUS_DEVICE;
    }
    const int code = WIFEXITED(how) ? WEXITSTATUS(how) : STATUS_INTERNAL;
    if (code > STATUS_OK && code < STATUS_COUNT)
        return (enum status)code; /* the child has logged it */
    if (!code && complete)
        return STATUS_OK;
    log_error("device %s: the measurement ended with code %d and no figures", child->device, code);
    return STATUS_INTERNAL;
}

uint64_t cli_child_peak(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t kib = 0;
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
            break;
    }
    if (file)
        fclose(file);
    return kib * 1024;
}

/* SPDX-License-Identifier: MIT */
/* One child process per device, a table or an object of their figures. */
#include "cli/cli_bench.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

/* Input of the child. */
struct job {
    const struct cli_bench_task *task;
    const struct cli_env *env;
    const char *device;
};

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
static void run_child(int fd, const struct job *job, void *figures)
{
    const struct cli_bench_task *task = job->task;
    enum status st = task->measure(figures, task->options, job->env, job->device);
    if (!st && write(fd, figures, task->size) != (ssize_t)task->size)
        st = STATUS_IO;
    _exit((int)st);
}

/* In its own process, the peak of memory is the measurement's. The child's status; STATUS_DEVICE if
 * a signal ended it. */
static enum status measure_apart(const struct job *job, void *figures)
{
    int fd[2], how = 0;
    if (pipe(fd) != 0) {
        log_error("cannot make a pipe: %s", strerror(errno));
        return STATUS_IO;
    }
    fflush(stdout); /* or the child would print it again */
    const pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        run_child(fd[1], job, figures);
    }
    close(fd[1]);
    if (pid < 0) {
        log_error("cannot start a process: %s", strerror(errno));
        close(fd[0]);
        return STATUS_MEMORY;
    }
    const bool complete = read_all(fd[0], figures, job->task->size);
    close(fd[0]);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(how)) {
        log_error("device %s: the measurement ended by signal %d", job->device, WTERMSIG(how));
        return STATUS_DEVICE;
    }
    const int code = WIFEXITED(how) ? WEXITSTATUS(how) : STATUS_INTERNAL;
    if (code > STATUS_OK && code < STATUS_COUNT)
        return (enum status)code; /* the child has logged it */
    if (!code && complete)
        return STATUS_OK;
    log_error("device %s: the measurement ended with code %d and no figures", job->device, code);
    return STATUS_INTERNAL;
}

static enum status run_device(const struct job *job, void *figures)
{
    const enum status st = measure_apart(job, figures);
    return st || !job->task->check ? st : job->task->check(figures, job->device);
}

uint64_t cli_bench_peak(void)
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

void cli_bench_put(struct json_writer *w, const char *key, double value)
{
    json_member_number(w, key, value < 0 ? NAN : value);
}

static void put_device(struct json_writer *w, const struct cli_bench_task *task, const char *name,
                       const void *figures)
{
    const struct cli_bench_device *opened = figures;
    json_object_open(w);
    json_member_text(w, "name", name);
    json_member_text(w, "device", opened->device);
    json_member_text(w, "driver", opened->driver);
    task->put(w, figures);
    json_object_close(w);
}

/* Measured ones, in order. */
struct results {
    const char *name[ARGS_LIST_MAX];
    char *figures; /* (count * size) */
    size_t count;
};

static enum status print_json(const struct cli_bench_task *task, const struct results *results)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    if (task->put_head)
        task->put_head(&w, task->options);
    json_member_array(&w, "devices");
    for (size_t i = 0; i < results->count; i++)
        put_device(&w, task, results->name[i], results->figures + i * task->size);
    json_array_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

enum status cli_bench_devices(const struct cli_bench_task *task, const struct cli_env *env,
                              struct cli_bench_run *run)
{
    struct results results = {.count = 0};
    enum status worst = STATUS_OK;
    if (run->devices.count == 0)
        run->devices = (struct args_list){.count = 1, .item = {"cpu"}};
    results.figures = calloc(run->devices.count, task->size);
    if (!results.figures) {
        log_error("out of host memory for the figures of %zu devices", run->devices.count);
        return STATUS_MEMORY;
    }
    for (size_t i = 0; i < run->devices.count; i++) {
        struct job job = {task, env, run->devices.item[i]};
        char *figures = results.figures + results.count * task->size;
        const enum status st = run_device(&job, figures);
        worst = worst ? worst : st;
        if (st)
            continue;
        if (!run->json && results.count == 0 && task->print_head)
            task->print_head(task->options);
        if (!run->json)
            task->print(job.device, figures);
        results.name[results.count++] = job.device;
    }
    const enum status written = run->json ? print_json(task, &results) : cli_output_flush();
    free(results.figures);
    return written ? written : worst;
}

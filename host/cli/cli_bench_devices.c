/* SPDX-License-Identifier: MIT */
/* One child process a device, a table or an object of their figures. */
#include "cli/cli_bench_devices.h"

#include <stdlib.h>

#include "base/log.h"
#include "cli/cli_child.h"
#include "cli/cli_output.h"

/* What the child needs. */
struct job {
    const struct cli_bench_task *task;
    const struct cli_env *env;
    const char *device;
};

static enum status measure(void *user, void *out)
{
    const struct job *job = user;
    return job->task->measure(out, job->task->options, job->env, job->device);
}

static enum status run_device(struct job *job, void *figures)
{
    const struct cli_child child = {.device = job->device,
                                    .out = figures,
                                    .size = job->task->size,
                                    .measure = measure,
                                    .user = job};
    const enum status st = cli_child_run(&child);
    return st || !job->task->check ? st : job->task->check(figures, job->device);
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
    json_put_key(&w, "devices");
    json_array_open(&w);
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

/* SPDX-License-Identifier: MIT */
/* What `vkfi bench` and `vkfi bench campaign` do alike: devices one after the other, each measured
 * in a process of its own, then told as tables or one object. */
#ifndef VKFI_CLI_BENCH_DEVICES_H
#define VKFI_CLI_BENCH_DEVICES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/args.h"
#include "base/json.h"
#include "base/status.h"
#include "cli/cli_device.h"
#include "cli/cli_env.h"

/* What every measurement says first; the figures of a task begin with it. */
struct cli_bench_device {
    char device[256], driver[256];
};

struct cli_bench_task {
    const void *options; /* of the task's own kind */
    size_t size;         /* of its figures: plain data, they cross a pipe */
    /* Opens the device and measures; once a process. */
    enum status (*measure)(void *figures, const void *options, const struct cli_env *env,
                           const char *device);
    /* Whether the figures may stand; or null. */
    enum status (*check)(const void *figures, const char *device);
    void (*print_head)(const void *options); /* before the first table; or null */
    void (*print)(const char *device, const void *figures);
    void (*put_head)(struct json_writer *w, const void *options); /* first members; or null */
    void (*put)(struct json_writer *w, const void *figures);      /* members of a device */
};

/* How they run: the options that both commands have. */
struct cli_bench_run {
    struct args_list devices; /* none: cpu */
    bool json;
};
#define CLI_BENCH_RUN_OPTIONS(run, threads)                                                        \
    {'d', "device", ARGS_LIST, &(run)->devices, "DEVICE", CLI_DEVICE_HELP " Default cpu.", 0, 0},  \
        CLI_THREADS_OPTION(threads),                                                               \
    {                                                                                              \
        0, "json", ARGS_FLAG, &(run)->json, NULL, "Prints an object instead of a table.", 0, 0     \
    }

/* A device that fails is left out, and its status is returned behind the others' figures. */
enum status cli_bench_devices(const struct cli_bench_task *task, const struct cli_env *env,
                              struct cli_bench_run *run) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Shared by `vkfi bench` and `vkfi bench campaign`: devices in turn, each measured in its own
 * process, then printed as tables or one object. */
#ifndef VKFI_CLI_BENCH_H
#define VKFI_CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/cli_device.h"
#include "inject/trial/trial.h"
#include "model/executor.h"
#include "model/generate.h"

/* The start of every measurement's figures. */
struct cli_bench_device {
    char device[256], driver[256];
};

struct cli_bench_task {
    const void *options; /* of the task's own kind */
    size_t size;         /* of its figures: plain data, which crosses a pipe */
    /* Opens the device and measures; once per process. */
    enum status (*measure)(void *figures, const void *options, const struct cli_env *env,
                           const char *device);
    /* Whether the figures are valid; or null. */
    enum status (*check)(const void *figures, const char *device);
    void (*print_head)(const void *options); /* before the first table; or null */
    void (*print)(const char *device, const void *figures);
    void (*put_head)(struct json_writer *w, const void *options); /* first members; or null */
    void (*put)(struct json_writer *w, const void *figures);      /* members of a device */
};

/* Options of both commands. */
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

/* A failed device is omitted; its status is returned after the others' figures. */
enum status cli_bench_devices(const struct cli_bench_task *task, const struct cli_env *env,
                              struct cli_bench_run *run) STATUS_MUST_USE;

/* Peak resident memory of this process, 0 if /proc does not say. */
uint64_t cli_bench_peak(void);

/* A member: a number, or null if it is negative (not measured). */
void cli_bench_put(struct json_writer *w, const char *key, double value);

/* --- bench --- */

struct cli_bench_options {
    const char *model;
    uint64_t prompt, n, repeat, threads;
    int act, kv; /* enum storage */
};

/* What the device did (model/executor.h). */
struct cli_bench_amounts {
    double dispatches; /* CPU: ops */
    double barriers, waits, recordings;
    double macs, bytes; /* of ops: multiply-adds, operands and results (model/executor_work.h) */
};

/* Since the executor's creation, and a part of what lies between. */
struct cli_bench_amounts cli_bench_amounts_of(const struct executor *ex);
struct cli_bench_amounts cli_bench_amounts_between(const struct cli_bench_amounts *from,
                                                   const struct cli_bench_amounts *to,
                                                   double parts);

/* A row of the table, and, of a device with dispatches, what `units` of `what` a second it comes to
 * on two devices on paper (README.md): the larger of bytes and operations by the device's, with the
 * costs of dispatches and waits. */
void cli_bench_print_amounts(const char *name, const struct cli_bench_amounts *a);
void cli_bench_print_paper(const struct cli_bench_amounts *a, double units, const char *what);
/* A member with both. */
void cli_bench_put_amounts(struct json_writer *w, const char *key,
                           const struct cli_bench_amounts *a, double units);

/* The work of so many columns with a token each; tokens are those of the prompt. */
#define CLI_BENCH_COLUMNS_MOST 256u
enum status cli_bench_columns(struct cli_bench_amounts *out, struct executor *ex,
                              const struct generate_params *prompt,
                              uint32_t columns) STATUS_MUST_USE;

#define CLI_BENCH_BATCHES 3

/* Plain data: it crosses a pipe. Negative: not measured. */
struct cli_bench_figures {
    struct cli_bench_device opened;
    double prompt_rate, decode_rate;        /* tokens per second, medians */
    uint64_t token_bytes;                   /* weights read for one decoded token, GGUF bytes */
    double read_rate;                       /* weights read per second of decoding */
    double bandwidth;                       /* the device's own plain read, bytes per second */
    struct cli_bench_amounts token, prompt; /* per decoded token; of the whole prompt */
    struct cli_bench_amounts columns[CLI_BENCH_BATCHES]; /* of cli_bench_batches columns */
    double dispatch_seconds;                             /* mean, decode time / dispatches */
    double empty_seconds;                                /* an empty dispatch and a barrier */
    double load_seconds, first_seconds;                  /* opening; start to first token */
    uint64_t device_bytes, peak_bytes; /* held by the executor; peak of the process (VmHWM) */
};

/* cli_bench_task.measure of tokens: `figures` struct cli_bench_figures, `options` struct
 * cli_bench_options. */
enum status cli_bench_measure(void *figures, const void *options, const struct cli_env *env,
                              const char *device) STATUS_MUST_USE;

/* cli_bench_task.put of them. */
void cli_bench_put_figures(struct json_writer *w, const void *figures);

/* --- bench campaign --- */

#define CLI_BENCH_LEVELS 3

/* The workload is fixed (README.md of this folder), except its size. */
struct cli_bench_campaign_options {
    uint64_t trials, naive, weights, threads, lanes, columns, seed;
};

/* Trials of one kind, run in one way. */
struct cli_bench_rate {
    uint32_t trials;
    double seconds, cpu_seconds; /* wall; of all threads */
};

/* Plain data: it crosses a pipe. */
struct cli_bench_campaign_figures {
    struct cli_bench_device opened;
    double golden_seconds;
    uint64_t peak_bytes, device_bytes;
    struct cli_bench_rate naive[CLI_BENCH_LEVELS], fast[CLI_BENCH_LEVELS]; /* by record level */
    uint32_t classes[OUTCOME_COUNT];                 /* of the fast trials, by record of outcomes */
    struct cli_bench_rate by_class[OUTCOME_COUNT];   /* only the trials of one class */
    struct cli_bench_rate weight_naive, weight_fast; /* stored faults, by record of outcomes */
    struct trial_work work;                          /* of fast[RECORD_OUTCOME] */
    struct cli_bench_amounts trial;                  /* one of them, on average */
    uint32_t differing; /* naive records that differ from the fast ones: 0, or it is a bug */
};

enum status cli_bench_campaign(const struct cli_env *env, int argc, char **argv) STATUS_MUST_USE;

/* cli_bench_task.measure of the trials: `figures` struct cli_bench_campaign_figures, `options`
 * struct cli_bench_campaign_options. */
enum status cli_bench_trials(void *figures, const void *options, const struct cli_env *env,
                             const char *device) STATUS_MUST_USE;

#endif

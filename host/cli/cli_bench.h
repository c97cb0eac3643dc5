/* SPDX-License-Identifier: MIT */
/* What the files of `vkfi bench` share: the settings and the figures of one device. */
#ifndef VKFI_CLI_BENCH_H
#define VKFI_CLI_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "cli/cli_bench_devices.h"

struct cli_bench_options {
    const char *model;
    uint64_t prompt, n, repeat, threads;
    int act, kv; /* enum storage */
};

/* Plain data: it crosses a pipe. Negative: not measured. */
struct cli_bench_figures {
    struct cli_bench_device opened;
    double prompt_rate, decode_rate;    /* tokens per second, medians */
    uint64_t token_bytes;               /* weights read for one decoded token, GGUF bytes */
    double read_rate;                   /* weights read per second of decoding */
    double bandwidth;                   /* the device's own plain read, bytes per second */
    double token_dispatches;            /* per decoded token; CPU: ops */
    double dispatch_seconds;            /* mean, decode time / dispatches */
    double empty_seconds;               /* an empty dispatch and a barrier */
    double load_seconds, first_seconds; /* opening; start to first token */
    uint64_t device_bytes, peak_bytes;  /* held by the executor; peak of the process (VmHWM) */
};

/* Opens device and model in this process and measures; call it once a process, since the peak of
 * memory is the process's. */
enum status cli_bench_measure(struct cli_bench_figures *out,
                              const struct cli_bench_options *options, const struct cli_env *env,
                              const char *device) STATUS_MUST_USE;

/* Bytes per second of a plain read of a large buffer by `threads` threads (0: all cores). */
enum status cli_bandwidth_cpu(double *out, uint32_t threads) STATUS_MUST_USE;

#endif

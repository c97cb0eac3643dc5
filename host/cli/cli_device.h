/* SPDX-License-Identifier: MIT */
/* A device named on the command line, admitted for exact and opened as an executor. */
#ifndef VKFI_CLI_DEVICE_H
#define VKFI_CLI_DEVICE_H

#include "cli/cli.h"
#include "cpu/cpu.h"
#include "gpu/device.h"
#include "model/executor.h"

/* Help text of every -d option. */
#define CLI_DEVICE_HELP                                                                            \
    "cpu (the best form for this processor), cpu:scalar, cpu:avx2, cpu:avx512, vk (any Vulkan "    \
    "device, a real GPU before one that runs on the processor), the number of a Vulkan device in " \
    "`vkfi devices`, its UUID, its PCI address, or a piece of its name. Every device gives the "   \
    "same bits."

/* --threads of every command that computes; `target` holds env->threads before. */
#define CLI_THREADS_MAX 1024
#define CLI_THREADS_OPTION(target)                                                                 \
    {                                                                                              \
        0, "threads", ARGS_UINT, (target), "N",                                                    \
            "Threads of the CPU devices, which share them where several run at once. Default "     \
            "VKFI_THREADS, else (or 0) all cores. No result depends on it.",                       \
            0, CLI_THREADS_MAX                                                                     \
    }

struct cli_device {
    enum cpu_form form;  /* used when gpu is null */
    struct gpu *gpu;     /* owned; null: the CPU executor */
    struct executor *ex; /* owned; null until cli_device_start */
};

/* Finds the device of `text` and, for Vulkan, opens and probes it: STATUS_DEVICE with the reason if
 * exact is refused. */
enum status cli_device_find(struct cli_device *out, const struct cli_env *env,
                            const char *text) STATUS_MUST_USE;

/* Creates the executor. */
enum status cli_device_start(struct cli_device *device,
                             const struct executor_params *params) STATUS_MUST_USE;

/* Finds the device and creates its executor; the progress line shows long steps. */
enum status cli_device_open(struct cli_device *out, const struct cli_env *env, const char *text,
                            const struct executor_params *params,
                            struct cli_progress *progress) STATUS_MUST_USE;

/* Destroys the executor; the device stays open. */
void cli_device_stop(struct cli_device *device);

/* Closes everything. STATUS_INTERNAL if the validation layer complained. */
enum status cli_device_finish(struct cli_device *device) STATUS_MUST_USE;

/* The reason for a device on the processor instead of a GPU is logged once in all processes forked
 * from here on, not once in each. */
void cli_device_tell_once(void);

/* Settings of gpu_list and gpu_open from the environment, without a selector. */
struct gpu_params cli_device_gpu_params(const struct cli_env *env);

/* "cpu:avx2". */
const char *cli_device_form_name(enum cpu_form form);

/* "cpu", "cpu:avx2" or the Vulkan device's name, which lives as long as the device. */
const char *cli_device_name(const struct cli_device *device);

#endif

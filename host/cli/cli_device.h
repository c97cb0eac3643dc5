/* SPDX-License-Identifier: MIT */
/* A device named on the command line, admitted for exact and opened as an executor. */
#ifndef VKFI_CLI_DEVICE_H
#define VKFI_CLI_DEVICE_H

#include "cli/cli.h"
#include "lib/lib_device.h"

/* Help text of every -d option. */
#define CLI_DEVICE_HELP                                                                            \
    "cpu (the best form for this processor), cpu:scalar, cpu:avx2, cpu:avx512, cpu:mapped (the "   \
    "best form with the weights left in the file, which cpu takes where they do not fit into "     \
    "memory), vk (any Vulkan device, a real GPU before one that runs on the processor), the "      \
    "number of a Vulkan device in `vkfi devices`, its UUID, its PCI address, or a piece of its "   \
    "name. Every device gives the same bits."

/* --threads of every command that computes; `target` holds env->threads before. */
#define CLI_THREADS_MAX 1024
#define CLI_THREADS_OPTION(target)                                                                 \
    {                                                                                              \
        0, "threads", ARGS_UINT, (target), "N",                                                    \
            "Threads of the CPU devices, which share them where several run at once. Default "     \
            "VKFI_THREADS, else (or 0) all cores. No result depends on it.",                       \
            0, CLI_THREADS_MAX                                                                     \
    }

/* Finds the device of `text` and, for Vulkan, opens and probes it: STATUS_DEVICE with the reason if
 * exact is refused. */
enum status cli_device_find(struct lib_device *out, const struct cli_env *env,
                            const char *text) STATUS_MUST_USE;

/* Finds the device and creates its executor; the progress line shows long steps. */
enum status cli_device_open(struct lib_device *out, const struct cli_env *env, const char *text,
                            const struct executor_params *params,
                            struct cli_progress *progress) STATUS_MUST_USE;

/* Warns, one line per reason, if a Vulkan device that was not chosen by name runs on the processor
 * because a driver in VK_DRIVER_FILES gives no device, or else if the machine has a GPU's device
 * file. Otherwise there is no GPU, and no warning. Warns once: a command may open its device
 * repeatedly. */
void cli_device_explain(const struct lib_device *device, const struct cli_env *env);

/* The reason for a device on the processor instead of a GPU is logged once in all processes forked
 * from here on, not once in each. */
void cli_device_tell_once(void);

/* Settings of gpu_list and gpu_open from the environment, without a selector. */
struct gpu_params cli_device_gpu_params(const struct cli_env *env);

/* Facts of a device and its driver, without UUID and PCI address, which may tell one machine from
 * another: members of an open object. */
void cli_devices_put(struct json_writer *w, const struct gpu_info *info);

/* A case of the probe, an object. */
struct probe_case;
void cli_devices_put_case(struct json_writer *w, const struct probe_case *c);

#endif

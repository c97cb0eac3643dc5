/* SPDX-License-Identifier: MIT */
/* A device by its name, admitted for exact, and an executor on it. */
#ifndef VKFI_LIB_DEVICE_H
#define VKFI_LIB_DEVICE_H

#include "cpu/cpu.h"
#include "gpu/device.h"
#include "model/executor.h"

struct lib_device {
    enum cpu_form form;  /* used when gpu is null */
    struct gpu *gpu;     /* owned; null: the CPU executor */
    struct executor *ex; /* owned; null until lib_device_start */
};

/* "cpu" and its forms, "vk": any Vulkan device, else a selector of gpu_open; `gpu` without one. A
 * Vulkan device is open afterwards, and not yet admitted. STATUS_USAGE (logged): no such device. */
enum status lib_device_find(struct lib_device *out, const char *text,
                            const struct gpu_params *gpu) STATUS_MUST_USE;

/* Probes a Vulkan device: STATUS_DEVICE with the reason if exact is refused (NUMERICS.md 5). */
enum status lib_device_admit(const struct lib_device *device) STATUS_MUST_USE;

/* Creates the executor. */
enum status lib_device_start(struct lib_device *device,
                             const struct executor_params *params) STATUS_MUST_USE;

/* Destroys the executor; the device stays open. */
void lib_device_stop(struct lib_device *device);

/* Closes everything. STATUS_INTERNAL if the validation layer complained. */
enum status lib_device_finish(struct lib_device *device) STATUS_MUST_USE;

/* "cpu:avx2". */
const char *lib_device_form_name(enum cpu_form form);

/* "cpu", "cpu:avx2" or the Vulkan device's name, which lives as long as the device. */
const char *lib_device_name(const struct lib_device *device);

#endif

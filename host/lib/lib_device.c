/* SPDX-License-Identifier: MIT */
/* Finds, probes and opens devices. */
#include "lib/lib_device.h"

#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "probe/probe.h"
#include "vk/vk.h"

static const char *const FORMS[] = {
    [CPU_AUTO] = "cpu",          [CPU_SCALAR] = "cpu:scalar", [CPU_AVX2] = "cpu:avx2",
    [CPU_AVX512] = "cpu:avx512", [CPU_MAPPED] = "cpu:mapped",
};
#define FORM_COUNT (sizeof(FORMS) / sizeof(*FORMS))

const char *lib_device_form_name(enum cpu_form form)
{
    return FORMS[form];
}

static enum status find_cpu(struct lib_device *out, const char *text)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(text, FORMS[i]) != 0)
            continue;
        if (!cpu_form_available((enum cpu_form)i)) {
            log_error("device %s: this processor lacks its instructions; expected cpu or "
                      "cpu:scalar, or a form that vkfi devices lists as available",
                      text);
            return STATUS_DEVICE;
        }
        out->form = (enum cpu_form)i;
        return STATUS_OK;
    }
    const char *nearest = args_nearest(text, FORMS, FORM_COUNT);
    if (nearest)
        log_error("found device '%s', did you mean '%s'?", text, nearest);
    else
        log_error("found device '%s', expected cpu, cpu:scalar, cpu:avx2, cpu:avx512 or cpu:mapped",
                  text);
    return STATUS_USAGE;
}

enum status lib_device_find(struct lib_device *out, const char *text, const struct gpu_params *gpu)
{
    struct gpu_params params = *gpu;
    *out = (struct lib_device){.form = CPU_AUTO};
    if (text[0] == '\0') {
        log_error("found an empty device, expected cpu, vk, or one that vkfi devices lists");
        return STATUS_USAGE;
    }
    if (strncmp(text, "cpu", 3) == 0)
        return find_cpu(out, text);
    params.selector = strcmp(text, "vk") == 0 ? NULL : text;
    return gpu_open(&out->gpu, &params);
}

enum status lib_device_admit(const struct lib_device *device)
{
    struct gpu *gpu = device->gpu;
    struct probe_result result;
    char reason[PROBE_REASON_SIZE];
    enum status st = gpu ? probe_run(gpu, &result) : STATUS_OK;
    if (st || !gpu)
        return st;
    if (!probe_admits(&result, reason)) {
        log_error("%s: refused for exact: %s; vkfi devices --probe shows each case",
                  gpu_get_info(gpu)->name, reason);
        return STATUS_DEVICE;
    }
    if (reason[0] != '\0')
        log_info("%s: admitted for exact, with a difference: %s", gpu_get_info(gpu)->name, reason);
    return STATUS_OK;
}

enum status lib_device_start(struct lib_device *device, const struct executor_params *params)
{
    return device->gpu ? vk_create(&device->ex, device->gpu, params)
                       : cpu_create(&device->ex, device->form, params);
}

void lib_device_stop(struct lib_device *device)
{
    executor_destroy(&device->ex);
}

enum status lib_device_finish(struct lib_device *device)
{
    enum status st = STATUS_OK;
    lib_device_stop(device);
    if (device->gpu && gpu_validation_messages(device->gpu) > 0) {
        log_error("the validation layer wrote %u messages, expected none",
                  gpu_validation_messages(device->gpu));
        st = STATUS_INTERNAL;
    }
    gpu_close(&device->gpu);
    return st;
}

const char *lib_device_name(const struct lib_device *device)
{
    return device->gpu ? gpu_get_info(device->gpu)->name : FORMS[device->form];
}

/* SPDX-License-Identifier: MIT */
/* From the text of -d to a probed device and an executor on it. */
#include "cli/cli_device.h"

#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "cli/cli_device_choice.h"
#include "gpu/probe.h"
#include "vk/vk.h"

static const char *const FORMS[] = {
    [CPU_AUTO] = "cpu",
    [CPU_SCALAR] = "cpu:scalar",
    [CPU_AVX2] = "cpu:avx2",
    [CPU_AVX512] = "cpu:avx512",
};
#define FORM_COUNT (sizeof(FORMS) / sizeof(*FORMS))

const char *cli_device_form_name(enum cpu_form form)
{
    return FORMS[form];
}

struct gpu_params cli_device_gpu_params(const struct cli_env *env)
{
    return (struct gpu_params){.driver_files = env->driver_files, .validate = env->validate};
}

static enum status find_cpu(struct cli_device *out, const char *text)
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
        log_error("found device '%s', expected cpu, cpu:scalar, cpu:avx2 or cpu:avx512", text);
    return STATUS_USAGE;
}

/* NUMERICS.md 5: a device that computes other bits is refused for exact. */
static enum status admit(struct gpu *gpu)
{
    struct probe_result result;
    char reason[512];
    enum status st = probe_run(gpu, &result);
    if (st)
        return st;
    if (!probe_admits(&result, reason, sizeof(reason))) {
        log_error("%s: refused for exact: %s; vkfi devices --probe shows each case",
                  gpu_get_info(gpu)->name, reason);
        return STATUS_DEVICE;
    }
    if (reason[0] != '\0')
        log_info("%s: admitted for exact, with a difference: %s", gpu_get_info(gpu)->name, reason);
    return STATUS_OK;
}

static enum status find_gpu(struct cli_device *out, const struct cli_env *env, const char *selector)
{
    struct gpu_params params = cli_device_gpu_params(env);
    params.selector = selector;
    enum status st = gpu_open(&out->gpu, &params);
    if (!st && !selector && gpu_get_info(out->gpu)->kind == GPU_KIND_CPU)
        cli_device_choice_explain(gpu_get_info(out->gpu), env);
    return st ? st : admit(out->gpu);
}

enum status cli_device_find(struct cli_device *out, const struct cli_env *env, const char *text)
{
    *out = (struct cli_device){.form = CPU_AUTO};
    enum status st = STATUS_OK;
    if (text[0] == '\0') {
        log_error("found an empty device, expected cpu, vk, or one that vkfi devices lists");
        return STATUS_USAGE;
    }
    if (strncmp(text, "cpu", 3) == 0)
        st = find_cpu(out, text);
    else
        st = find_gpu(out, env, strcmp(text, "vk") == 0 ? NULL : text);
    if (st)
        gpu_close(&out->gpu);
    return st;
}

enum status cli_device_start(struct cli_device *device, const struct executor_params *params)
{
    return device->gpu ? vk_create(&device->ex, device->gpu, params)
                       : cpu_create(&device->ex, device->form, params);
}

void cli_device_stop(struct cli_device *device)
{
    executor_destroy(&device->ex);
}

enum status cli_device_finish(struct cli_device *device)
{
    enum status st = STATUS_OK;
    cli_device_stop(device);
    if (device->gpu && gpu_validation_messages(device->gpu) > 0) {
        log_error("the validation layer wrote %u messages, expected none",
                  gpu_validation_messages(device->gpu));
        st = STATUS_INTERNAL;
    }
    gpu_close(&device->gpu);
    return st;
}

const char *cli_device_name(const struct cli_device *device)
{
    return device->gpu ? gpu_get_info(device->gpu)->name : FORMS[device->form];
}

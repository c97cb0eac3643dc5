/* SPDX-License-Identifier: MIT */
/* From the text of -d to a probed device and an executor on it. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "cli/cli_device.h"

#include <glob.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "gpu/gpu_manifest.h"
#include "probe/probe.h"
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
    return (struct gpu_params){.driver_files = env->driver_files,
                               .kernel_folder = env->kernels,
                               .validate = env->validate};
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

/* --- the reason for a device on the processor --- */

/* Device files of GPUs: DRM render nodes, the drivers of NVIDIA and AMD (compute). */
static const char *const node_patterns[] = {"/dev/dri/renderD*", "/dev/nvidia[0-9]*", "/dev/kfd"};

/* Set once it was said, in this process and those it forks. Null: not yet shared. */
static atomic_flag *told_once;

static void set_drivers(const char *manifests)
{
    setenv("VK_DRIVER_FILES", manifests, 1);
    setenv("VK_ICD_FILENAMES", manifests, 1); /* for loaders before 1.3.207 */
}

/* Whether the driver of a manifest gives no device, and why. */
static bool gives_nothing(const struct cli_env *env, const char *manifest, char why[GPU_LIST_WHY])
{
    struct gpu_list *list = calloc(1, sizeof(*list));
    char *all = strdup(env->driver_files);
    bool nothing = false;

    if (list && all) {
        /* The child of gpu_list sees only this driver. */
        set_drivers(manifest);
        nothing = gpu_list_try(list, &(struct gpu_params){.driver_files = manifest}, why);
        set_drivers(all);
    }
    free(all);
    free(list);
    return nothing;
}

static bool find_node(char *out, size_t size)
{
    bool found = false;

    for (size_t i = 0; !found && i < sizeof(node_patterns) / sizeof(*node_patterns); i++) {
        glob_t nodes;
        if (glob(node_patterns[i], 0, NULL, &nodes) == 0) {
            snprintf(out, size, "%s", nodes.gl_pathv[0]);
            found = true;
        }
        globfree(&nodes);
    }
    return found;
}

void cli_device_tell_once(void)
{
    static atomic_flag own = ATOMIC_FLAG_INIT;
    if (told_once)
        return;
    void *shared =
        mmap(NULL, sizeof(*told_once), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    told_once = shared == MAP_FAILED ? &own : shared; /* then each process says it */
}

/* Warns, one line per reason, if a driver in VK_DRIVER_FILES gives no device, or else if the
 * machine has a GPU's device file. Otherwise there is no GPU, and no warning. Warns once: a command
 * may open its device repeatedly. */
static void explain_choice(const struct gpu_info *taken, const struct cli_env *env)
{
    char path[1024], why[GPU_LIST_WHY];
    bool told = false;

    cli_device_tell_once();
    if (atomic_flag_test_and_set(told_once))
        return;
    for (size_t i = 0; gpu_manifest_path(env->driver_files, i, path, sizeof(path)); i++) {
        if (!gives_nothing(env, path, why))
            continue;
        log_warn("device vk is %s, which runs on the processor: the driver of %s gives none: %s",
                 taken->name, path, why);
        told = true;
    }
    if (!told && find_node(path, sizeof(path)))
        log_warn("device vk is %s, which runs on the processor: no driver gives a device for the "
                 "GPU of %s",
                 taken->name, path);
}

/* --- opening --- */

/* NUMERICS.md 5: a device that computes other bits is refused for exact. */
static enum status admit(struct gpu *gpu)
{
    struct probe_result result;
    char reason[PROBE_REASON_SIZE];
    enum status st = probe_run(gpu, &result);
    if (st)
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

static enum status find_gpu(struct cli_device *out, const struct cli_env *env, const char *selector)
{
    struct gpu_params params = cli_device_gpu_params(env);
    params.selector = selector;
    enum status st = gpu_open(&out->gpu, &params);
    if (!st && !selector && gpu_get_info(out->gpu)->kind == GPU_KIND_CPU)
        explain_choice(gpu_get_info(out->gpu), env);
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

enum status cli_device_open(struct cli_device *out, const struct cli_env *env, const char *text,
                            const struct executor_params *params, struct cli_progress *progress)
{
    cli_progress_stage(progress, "opening the device");
    enum status st = cli_device_find(out, env, text);
    if (st)
        return st;
    cli_progress_stage(progress, out->gpu ? "compiling kernels" : "preparing weights");
    st = cli_device_start(out, params);
    cli_progress_clear(progress);
    return st;
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

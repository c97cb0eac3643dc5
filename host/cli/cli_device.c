/* SPDX-License-Identifier: MIT */
/* From the text of -d to a probed device; why it is one on the processor. */
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

struct gpu_params cli_device_gpu_params(const struct cli_env *env)
{
    return (struct gpu_params){.driver_files = env->driver_files,
                               .kernel_folder = env->kernels,
                               .validate = env->validate};
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

void cli_device_explain(const struct lib_device *device, const struct cli_env *env)
{
    const struct gpu_info *taken = gpu_get_info(device->gpu);
    char path[1024], why[GPU_LIST_WHY];
    bool told = false;

    if (taken->kind != GPU_KIND_CPU)
        return;
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

enum status cli_device_find(struct lib_device *out, const struct cli_env *env, const char *text)
{
    const struct gpu_params params = cli_device_gpu_params(env);
    enum status st = lib_device_find(out, text, &params);
    if (!st && strcmp(text, "vk") == 0)
        cli_device_explain(out, env);
    st = st ? st : lib_device_admit(out);
    if (st)
        gpu_close(&out->gpu);
    return st;
}

enum status cli_device_open(struct lib_device *out, const struct cli_env *env, const char *text,
                            const struct executor_params *params, struct cli_progress *progress)
{
    cli_progress_stage(progress, "opening the device");
    enum status st = cli_device_find(out, env, text);
    if (st)
        return st;
    cli_progress_stage(progress, out->gpu ? "compiling kernels" : "preparing weights");
    st = lib_device_start(out, params);
    cli_progress_clear(progress);
    return st;
}

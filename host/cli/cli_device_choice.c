/* SPDX-License-Identifier: MIT */
/* Looks for a driver that gives nothing, and for a GPU that no driver serves. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "cli/cli_device_choice.h"

#include <glob.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "gpu/gpu_manifest.h"

/* Device files of GPUs: DRM render nodes, the drivers of NVIDIA and AMD (compute). */
static const char *const node_patterns[] = {"/dev/dri/renderD*", "/dev/nvidia[0-9]*", "/dev/kfd"};

/* Set once it was told; of this process and those it forks. Null: not shared yet. */
static atomic_flag *told_once;

static void set_drivers(const char *manifests)
{
    setenv("VK_DRIVER_FILES", manifests, 1);
    setenv("VK_ICD_FILENAMES", manifests, 1); /* of loaders before 1.3.207 */
}

/* Whether the driver of a manifest gives no device, and why. */
static bool gives_nothing(const struct cli_env *env, const char *manifest, char why[GPU_LIST_WHY])
{
    struct gpu_list *list = calloc(1, sizeof(*list));
    char *all = strdup(env->driver_files);
    bool nothing = false;

    if (list && all) {
        /* The child that gpu_list starts sees this driver alone. */
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

void cli_device_choice_share(void)
{
    static atomic_flag own = ATOMIC_FLAG_INIT;
    if (told_once)
        return;
    void *shared =
        mmap(NULL, sizeof(*told_once), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    told_once = shared == MAP_FAILED ? &own : shared; /* then each process tells it */
}

void cli_device_choice_explain(const struct gpu_info *taken, const struct cli_env *env)
{
    char path[1024], why[GPU_LIST_WHY];
    bool told = false;

    cli_device_choice_share();
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
                 "GPU behind %s",
                 taken->name, path);
}

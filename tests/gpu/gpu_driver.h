/* SPDX-License-Identifier: MIT */
/* Runs a test program once per Vulkan driver: each in its own process, as drivers need. */
#ifndef VKFI_TESTS_GPU_DRIVER_H
#define VKFI_TESTS_GPU_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "gpu/device.h"

#define GPU_DRIVER_SKIP 77
#define GPU_DRIVER_VAR "VKFI_TEST_DRIVER" /* set in the process of one driver: its name */

struct gpu_driver {
    const char *name;
    const char *icd_var; /* environment variable with its manifest */
    const char *lib_var; /* with its LD_LIBRARY_PATH; null: not needed */
};

static const struct gpu_driver GPU_DRIVERS[] = {
    {"lavapipe", "VKFI_ICD_LAVAPIPE", NULL},
    {"lavapipe25", "VKFI_ICD_LAVAPIPE25", "VKFI_LIB_LAVAPIPE25"},
    {"swiftshader", "VKFI_ICD_SWIFTSHADER", NULL},
};

/* Starts this program again with VK_DRIVER_FILES (and the library path) set; its exit code. */
__attribute__((unused)) static int gpu_driver_again(const char *name, const char *icd,
                                                    const char *lib)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setenv(GPU_DRIVER_VAR, name, 1);
        if (icd)
            setenv("VK_DRIVER_FILES", icd, 1);
        if (lib)
            setenv("LD_LIBRARY_PATH", lib, 1);
        execl("/proc/self/exe", name, (char *)NULL);
        _exit(126);
    }
    int code = 0;
    if (pid < 0 || waitpid(pid, &code, 0) < 0)
        return 126;
    return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}

/* Calls `run` in a process per driver found through the environment, else with the drivers present.
 * Failure of one is failure; 77 if no driver could be used. */
__attribute__((unused)) static int gpu_driver_main(int (*run)(void))
{
    const char *own = getenv(GPU_DRIVER_VAR);
    if (own) {
        fpenv_set();
        return run();
    }
    int result = GPU_DRIVER_SKIP;
    bool any = false;
    for (size_t i = 0; i < sizeof(GPU_DRIVERS) / sizeof(*GPU_DRIVERS); i++) {
        const struct gpu_driver *d = &GPU_DRIVERS[i];
        const char *icd = getenv(d->icd_var);
        if (!icd)
            continue;
        any = true;
        fprintf(stderr, "== %s (%s)\n", d->name, icd);
        int code = gpu_driver_again(d->name, icd, d->lib_var ? getenv(d->lib_var) : NULL);
        if (code != 0 && code != GPU_DRIVER_SKIP) {
            fprintf(stderr, "== %s: exit code %d\n", d->name, code);
            result = 1;
        } else if (code == 0 && result == GPU_DRIVER_SKIP) {
            result = 0;
        }
    }
    return any ? result : gpu_driver_again("default", NULL, NULL);
}

/* Opens the driver's device, with validation where the layer is installed; null: no driver, skip.
 */
__attribute__((unused)) static struct gpu *gpu_driver_open(void)
{
    struct gpu *gpu = NULL;
    struct gpu_params params = {.validate = true, .driver_files = getenv("VK_DRIVER_FILES")};
    enum status st = gpu_open(&gpu, &params);
    if (st == STATUS_DEVICE && strstr(log_last_error(), "validation")) {
        params.validate = false;
        st = gpu_open(&gpu, &params);
    }
    if (st)
        fprintf(stderr, "skipped: %s\n", log_last_error());
    return gpu;
}

/* Whether the driver has a device. */
__attribute__((unused)) static bool gpu_driver_is_here(void)
{
    struct gpu *gpu = gpu_driver_open();
    const bool here = gpu != NULL;
    gpu_close(&gpu);
    return here;
}

static struct gpu *gpu_driver_gpu; /* of the tests that run */

static int gpu_driver_state(void **state)
{
    *state = gpu_driver_gpu;
    return 0;
}

/* All of `run`: the tests, whose state is the device, must pass, and the validation layer must be
 * silent. */
__attribute__((unused)) static int gpu_driver_tests(const struct CMUnitTest *tests, size_t n)
{
    gpu_driver_gpu = gpu_driver_open();
    if (!gpu_driver_gpu)
        return GPU_DRIVER_SKIP;
    const int failed = _cmocka_run_group_tests("tests", tests, n, gpu_driver_state, NULL);
    const uint32_t messages = gpu_validation_messages(gpu_driver_gpu);
    gpu_close(&gpu_driver_gpu);
    return failed || messages ? 1 : 0;
}

#endif

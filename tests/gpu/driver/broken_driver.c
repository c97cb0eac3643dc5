/* SPDX-License-Identifier: MIT */
/* A Vulkan driver that passes all calls to a real one, except those named by variables: there it
 * aborts or stalls; and plays another device than the real one (played_device.h). */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include "played_device.h"

/* VKFI_TEST_DRIVER: the library of the real driver. VKFI_TEST_ABORT, VKFI_TEST_STALL: calls, such
 * as "vkCreateDevice". */

#define EXPORT __attribute__((visibility("default")))

EXPORT PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name);
EXPORT VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version);

static PFN_vkGetDeviceProcAddr real_device_call;

static void *real(const char *symbol)
{
    const char *path = getenv("VKFI_TEST_DRIVER");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    void *found = library ? dlsym(library, symbol) : NULL;
    if (!found) {
        fprintf(stderr, "broken_driver: no %s in '%s'\n", symbol, path ? path : "");
        exit(1);
    }
    return found;
}

static void die(void)
{
    fputs("broken_driver: the driver gives up\n", stderr);
    abort();
}

static void stall(void)
{
    for (;;)
        pause();
}

static bool is_chosen(const char *name, const char *variable)
{
    const char *chosen = getenv(variable);
    return chosen && strcmp(name, chosen) == 0;
}

static PFN_vkVoidFunction unless_chosen(const char *name, PFN_vkVoidFunction call)
{
    if (!call)
        return NULL;
    return is_chosen(name, "VKFI_TEST_ABORT")   ? die
           : is_chosen(name, "VKFI_TEST_STALL") ? stall
                                                : call;
}

static bool is_played(void)
{
    return getenv("VKFI_TEST_PLAY") != NULL;
}

static PFN_vkVoidFunction device_call(VkDevice device, const char *name)
{
    PFN_vkVoidFunction call = real_device_call(device, name);
    PFN_vkVoidFunction played = call && is_played() ? played_calls_find(name, call) : NULL;
    return unless_chosen(name, played ? played : call);
}

PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name)
{
    static PFN_vkGetInstanceProcAddr real_call;
    if (!real_call)
        *(void **)&real_call = real("vk_icdGetInstanceProcAddr");
    PFN_vkVoidFunction call = real_call(instance, name);
    if (call && strcmp(name, "vkGetDeviceProcAddr") == 0) {
        real_device_call = (PFN_vkGetDeviceProcAddr)call;
        return (PFN_vkVoidFunction)device_call;
    }
    PFN_vkVoidFunction played = call && is_played() ? played_device_instance(name, call) : NULL;
    return unless_chosen(name, played ? played : call);
}

VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
    VkResult (*call)(uint32_t *);
    *(void **)&call = real("vk_icdNegotiateLoaderICDInterfaceVersion");
    return call(version);
}

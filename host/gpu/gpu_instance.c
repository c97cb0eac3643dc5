/* SPDX-License-Identifier: MIT */
/* The Vulkan loader, its instance, and the validation layer's messages. */
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"
#include "gpu/gpu_manifest.h"

#define LAYER "VK_LAYER_KHRONOS_validation"
#define LAYERS_MAX 64

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user)
{
    struct gpu_instance *instance = user;
    (void)types;
    atomic_fetch_add(&instance->messages, 1);
    if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
        log_error("validation: %s", data->pMessage);
    else
        log_warn("validation: %s", data->pMessage);
    return VK_FALSE;
}

static enum status find_layer(void)
{
    struct gpu *gpu = NULL;
    enum status st = STATUS_DEVICE;
    VkLayerProperties layer[LAYERS_MAX];
    uint32_t count = LAYERS_MAX;
    VkResult result = vkEnumerateInstanceLayerProperties(&count, layer);
    if (result != VK_INCOMPLETE)
        VK(result);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(layer[i].layerName, LAYER) == 0)
            return STATUS_OK;
    }
    log_error("validation was asked for, but the Vulkan layer %s is not installed", LAYER);
fail:
    return st;
}

static enum status add_messenger(struct gpu_instance *out)
{
    struct gpu *gpu = NULL;
    enum status st = STATUS_OK;
    const VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = out,
    };
    /* Loaded by hand: volk's table is of the last instance, which may lack this extension. */
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(out->instance,
                                                                  "vkCreateDebugUtilsMessengerEXT");
    VK(create(out->instance, &info, NULL, &out->messenger));
fail:
    return st;
}

/* In one line: what a user can do about a loader that gives no instance. */
static enum status explain(VkResult result, const struct gpu_params *params)
{
    char broken[512];

    /* Loaders answer a manifest they cannot read with codes of their own, out of memory among them.
     */
    if (gpu_manifest_broken(params->driver_files, broken, sizeof(broken))) {
        log_error("the Vulkan loader gives no instance (%s): a driver's manifest is malformed: %s",
                  gpu_result_name(result), broken);
        return STATUS_DEVICE;
    }
    if (result != VK_ERROR_INCOMPATIBLE_DRIVER)
        return gpu_fail(NULL, result, "vkCreateInstance", __FILE__, __LINE__);
    if (params->driver_files)
        log_error("no Vulkan driver could be loaded from VK_DRIVER_FILES=%s", params->driver_files);
    else
        log_error("no Vulkan driver is installed (mesa-vulkan-drivers has one that runs on the "
                  "processor)");
    return STATUS_DEVICE;
}

enum status gpu_instance_init(struct gpu_instance *out, const struct gpu_params *params)
{
    enum status st = STATUS_OK;
    out->instance = VK_NULL_HANDLE;
    out->messenger = VK_NULL_HANDLE;
    atomic_init(&out->messages, 0);
    out->least_version = params->compile_only ? VK_API_VERSION_1_0 : VK_API_VERSION_1_2;
    if (volkInitialize() != VK_SUCCESS) {
        log_error("no Vulkan loader (libvulkan.so.1) on this machine");
        return STATUS_DEVICE;
    }
    if (params->validate && (st = find_layer()) != STATUS_OK)
        return st;
    const char *layer = LAYER, *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    const VkApplicationInfo app = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "vkfi",
        .apiVersion = VK_API_VERSION_1_3,
    };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &app,
        .enabledLayerCount = params->validate ? 1 : 0,
        .ppEnabledLayerNames = &layer,
        .enabledExtensionCount = params->validate ? 1 : 0,
        .ppEnabledExtensionNames = &extension,
    };
    VkResult result = vkCreateInstance(&info, NULL, &out->instance);
    if (result != VK_SUCCESS) {
        out->instance = VK_NULL_HANDLE;
        return explain(result, params);
    }
    volkLoadInstanceOnly(out->instance);
    if (params->validate && (st = add_messenger(out)) != STATUS_OK)
        gpu_instance_finish(out);
    return st;
}

void gpu_instance_finish(struct gpu_instance *instance)
{
    if (!instance->instance)
        return;
    PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
            instance->instance, "vkDestroyDebugUtilsMessengerEXT");
    if (instance->messenger)
        destroy(instance->instance, instance->messenger, NULL);
#ifndef __SANITIZE_ADDRESS__
    /* Under the leak check drivers stay loaded: what an unloaded one leaked has no owner. */
    vkDestroyInstance(instance->instance, NULL);
#endif
    instance->instance = VK_NULL_HANDLE;
}

enum status gpu_instance_devices(const struct gpu_instance *instance,
                                 VkPhysicalDevice out[GPU_LIST_MAX], size_t *out_count)
{
    struct gpu *gpu = NULL;
    enum status st = STATUS_OK;
    VkPhysicalDevice found[GPU_LIST_MAX];
    uint32_t count = GPU_LIST_MAX;
    *out_count = 0;
    VkResult result = vkEnumeratePhysicalDevices(instance->instance, &count, found);
    /* A loader whose drivers all declined says so here rather than with an empty list. */
    if (result == VK_ERROR_INITIALIZATION_FAILED)
        count = 0;
    else if (result != VK_INCOMPLETE)
        VK(result);
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties properties;
        vkGetPhysicalDeviceProperties(found[i], &properties);
        if (properties.apiVersion >= instance->least_version &&
            gpu_info_family(found[i], NULL) != UINT32_MAX)
            out[(*out_count)++] = found[i];
        else
            log_debug("%s: left out, Vulkan 1.2 and a compute queue are needed",
                      properties.deviceName);
    }
    if (*out_count == 0) {
        log_error("found %u Vulkan devices, none with Vulkan 1.2 and a compute queue", count);
        st = STATUS_DEVICE;
    }
fail:
    return st;
}

/* SPDX-License-Identifier: MIT */
/* What is asked of a physical device: how many there are, limits, memory, families of queues. */
#include "played_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#define LOCAL_DEFAULT (UINT64_C(8) << 30) /* bytes */
#define ATOM 256

/* The start of a setting's value, null if it is not there. */
static const char *value_of(const char *setting)
{
    const char *at = getenv("VKFI_TEST_PLAY");
    const size_t n = strlen(setting);
    while (at && *at) {
        if (strncmp(at, setting, n) == 0 && (at[n] == '\0' || at[n] == ',' || at[n] == '='))
            return at + n;
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    return NULL;
}

bool played_device_has(const char *setting)
{
    return value_of(setting) != NULL;
}

uint64_t played_device_number(const char *setting, uint64_t otherwise)
{
    const char *at = value_of(setting);
    return at && *at == '=' ? strtoull(at + 1, NULL, 10) : otherwise;
}

PFN_vkVoidFunction played_device_find(const struct played_device_entry *entries, size_t n,
                                      const char *name, PFN_vkVoidFunction real)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i].name, name) != 0)
            continue;
        *entries[i].real = real;
        return entries[i].play;
    }
    return NULL;
}

/* --- arithmetic: threads of a driver on the processor inherit the mode of their creator --- */

#ifdef __SSE2__
#define FLUSH ((1u << 15) | (1u << 6)) /* FTZ and DAZ of MXCSR */
#define TO_ZERO (3u << 13)

/* The mode before; undone by leave_mode. */
static unsigned enter_mode(void)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr((played_device_has("denormals") ? before & ~FLUSH : before) |
               (played_device_has("tozero") ? TO_ZERO : 0));
    return before;
}

static void leave_mode(unsigned before)
{
    _mm_setcsr(before);
}
#else
static unsigned enter_mode(void)
{
    return 0;
}

static void leave_mode(unsigned before)
{
    (void)before;
}
#endif

/* --- physical devices: the second of two is a handle of our own --- */

static struct {
    uintptr_t loader; /* the loader's word */
} second;
static VkPhysicalDevice only; /* the real one */

static VkPhysicalDevice real_of(VkPhysicalDevice physical)
{
    return physical == (VkPhysicalDevice)&second ? only : physical;
}

static bool two_devices(void)
{
    return played_device_has("equal") || played_device_has("same");
}

static PFN_vkEnumeratePhysicalDevices real_enumerate;

static VKAPI_ATTR VkResult VKAPI_CALL enumerate(VkInstance instance, uint32_t *count,
                                                VkPhysicalDevice *out)
{
    uint32_t one = 1;
    const unsigned mode = enter_mode();
    const VkResult result = two_devices() ? real_enumerate(instance, &one, &only)
                                          : real_enumerate(instance, count, out);
    leave_mode(mode);
    if (!two_devices())
        return result;
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return result;
    memcpy(&second, only, sizeof(second));
    for (uint32_t i = 0; out && i < *count && i < 2; i++)
        out[i] = i == 0 ? only : (VkPhysicalDevice)&second;
    *count = out && *count < 2 ? *count : 2;
    return VK_SUCCESS;
}

static void lower(uint32_t *limit, const char *setting)
{
    const uint64_t number = played_device_number(setting, UINT32_MAX);
    *limit = number < *limit ? (uint32_t)number : *limit;
}

static void change_properties(VkPhysicalDeviceProperties *p)
{
    VkPhysicalDeviceLimits *limits = &p->limits;
    if (played_device_has("discrete")) {
        p->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
        limits->nonCoherentAtomSize = ATOM;
    }
    p->vendorID = (uint32_t)played_device_number("vendor", p->vendorID);
    lower(&limits->maxComputeWorkGroupInvocations, "invocations");
    for (int i = 0; i < 3; i++)
        lower(&limits->maxComputeWorkGroupSize[i], "invocations");
    lower(&limits->maxStorageBufferRange, "range");
    lower(&limits->maxPerStageDescriptorStorageBuffers, "bindings");
    lower(&limits->maxComputeSharedMemorySize, "shared");
    lower(&limits->maxPushConstantsSize, "push");
}

static PFN_vkGetPhysicalDeviceProperties real_properties;

static VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice physical,
                                             VkPhysicalDeviceProperties *out)
{
    real_properties(real_of(physical), out);
    change_properties(out);
}

static PFN_vkGetPhysicalDeviceProperties2 real_properties2;

static VKAPI_ATTR void VKAPI_CALL properties2(VkPhysicalDevice physical,
                                              VkPhysicalDeviceProperties2 *out)
{
    const bool other = physical == (VkPhysicalDevice)&second && !played_device_has("same");
    real_properties2(real_of(physical), out);
    change_properties(&out->properties);
    for (VkBaseOutStructure *next = out->pNext; next; next = next->pNext) {
        if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES && other)
            ((VkPhysicalDeviceIDProperties *)next)->deviceUUID[VK_UUID_SIZE - 1] ^= 1;
        if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT &&
            two_devices()) {
            VkPhysicalDevicePCIBusInfoPropertiesEXT *pci = (void *)next;
            pci->pciDomain = 0;
            pci->pciBus = other ? 0x4b : 0x3a;
            pci->pciDevice = pci->pciFunction = 0;
        }
    }
}

/* --- extensions: the address on the bus --- */

static PFN_vkEnumerateDeviceExtensionProperties real_extensions;

static VKAPI_ATTR VkResult VKAPI_CALL extensions(VkPhysicalDevice physical, const char *layer,
                                                 uint32_t *count, VkExtensionProperties *out)
{
    const uint32_t room = out ? *count : 0;
    const VkResult result = real_extensions(real_of(physical), layer, count, out);
    if (!two_devices() || result != VK_SUCCESS)
        return result;
    if (out && room == *count)
        return VK_INCOMPLETE;
    if (out)
        snprintf(out[*count].extensionName, sizeof(out->extensionName), "%s",
                 VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
    (*count)++;
    return VK_SUCCESS;
}

/* --- memory --- */

static void change_memory(VkPhysicalDeviceMemoryProperties *out)
{
    const VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
                                coherent = visible | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    if (!played_device_has("discrete"))
        return;
    *out = (VkPhysicalDeviceMemoryProperties){
        .memoryTypeCount = 4,
        .memoryTypes = {{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
                        {visible | cached, 1},
                        {coherent, 1},
                        {coherent | cached, 1}},
        .memoryHeapCount = 2,
        .memoryHeaps = {
            {played_device_number("local", LOCAL_DEFAULT), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
            {played_device_number("host", LOCAL_DEFAULT), 0}}};
}

static PFN_vkGetPhysicalDeviceMemoryProperties real_memory;

static VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice physical,
                                         VkPhysicalDeviceMemoryProperties *out)
{
    real_memory(real_of(physical), out);
    change_memory(out);
}

static PFN_vkGetPhysicalDeviceMemoryProperties2 real_memory2;

static VKAPI_ATTR void VKAPI_CALL memory2(VkPhysicalDevice physical,
                                          VkPhysicalDeviceMemoryProperties2 *out)
{
    real_memory2(real_of(physical), out);
    change_memory(&out->memoryProperties);
}

/* --- families of queues: the real one twice --- */

static PFN_vkGetPhysicalDeviceQueueFamilyProperties real_families;

static VKAPI_ATTR void VKAPI_CALL families(VkPhysicalDevice physical, uint32_t *count,
                                           VkQueueFamilyProperties *out)
{
    VkQueueFamilyProperties family;
    uint32_t one = 1;
    if (!played_device_has("families")) {
        real_families(real_of(physical), count, out);
        return;
    }
    real_families(real_of(physical), &one, &family);
    for (uint32_t i = 0; out && i < *count && i < 2; i++) {
        out[i] = family;
        if (i == 1)
            out[i].queueFlags = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
    }
    *count = out && *count < 2 ? *count : 2;
}

static PFN_vkGetPhysicalDeviceQueueFamilyProperties2 real_families2;

static VKAPI_ATTR void VKAPI_CALL families2(VkPhysicalDevice physical, uint32_t *count,
                                            VkQueueFamilyProperties2 *out)
{
    VkQueueFamilyProperties plain[2];
    uint32_t n = 2;
    if (!played_device_has("families")) {
        real_families2(real_of(physical), count, out);
        return;
    }
    families(physical, &n, plain);
    for (uint32_t i = 0; out && i < *count && i < 2; i++)
        out[i].queueFamilyProperties = plain[i];
    *count = out && *count < 2 ? *count : 2;
}

/* --- the rest: the real device of the handle --- */

static PFN_vkGetPhysicalDeviceFeatures real_features;
static PFN_vkGetPhysicalDeviceFeatures2 real_features2;
static PFN_vkGetPhysicalDeviceFormatProperties real_format;
static PFN_vkCreateDevice real_create;

static VKAPI_ATTR void VKAPI_CALL features(VkPhysicalDevice physical, VkPhysicalDeviceFeatures *out)
{
    real_features(real_of(physical), out);
}

static VKAPI_ATTR void VKAPI_CALL features2(VkPhysicalDevice physical,
                                            VkPhysicalDeviceFeatures2 *out)
{
    real_features2(real_of(physical), out);
}

static VKAPI_ATTR void VKAPI_CALL format(VkPhysicalDevice physical, VkFormat which,
                                         VkFormatProperties *out)
{
    real_format(real_of(physical), which, out);
}

/* The real driver has one family of queues. */
static VKAPI_ATTR VkResult VKAPI_CALL create(VkPhysicalDevice physical,
                                             const VkDeviceCreateInfo *info,
                                             const VkAllocationCallbacks *callbacks, VkDevice *out)
{
    VkDeviceCreateInfo real = *info;
    VkDeviceQueueCreateInfo queue = *info->pQueueCreateInfos;
    queue.queueFamilyIndex = 0;
    played_calls_begin();
    real.pQueueCreateInfos = &queue;
    const unsigned mode = enter_mode();
    const VkResult result = real_create(
        real_of(physical), played_device_has("families") ? &real : info, callbacks, out);
    leave_mode(mode);
    return result;
}

#define ENTRY(name, play, real)                                                                    \
    {                                                                                              \
        name, (PFN_vkVoidFunction)(play), (PFN_vkVoidFunction *)&(real)                            \
    }

PFN_vkVoidFunction played_device_instance(const char *name, PFN_vkVoidFunction real)
{
    static const struct played_device_entry entries[] = {
        ENTRY("vkEnumeratePhysicalDevices", enumerate, real_enumerate),
        ENTRY("vkGetPhysicalDeviceProperties", properties, real_properties),
        ENTRY("vkGetPhysicalDeviceProperties2", properties2, real_properties2),
        ENTRY("vkGetPhysicalDeviceProperties2KHR", properties2, real_properties2),
        ENTRY("vkEnumerateDeviceExtensionProperties", extensions, real_extensions),
        ENTRY("vkGetPhysicalDeviceMemoryProperties", memory, real_memory),
        ENTRY("vkGetPhysicalDeviceMemoryProperties2", memory2, real_memory2),
        ENTRY("vkGetPhysicalDeviceMemoryProperties2KHR", memory2, real_memory2),
        ENTRY("vkGetPhysicalDeviceQueueFamilyProperties", families, real_families),
        ENTRY("vkGetPhysicalDeviceQueueFamilyProperties2", families2, real_families2),
        ENTRY("vkGetPhysicalDeviceQueueFamilyProperties2KHR", families2, real_families2),
        ENTRY("vkGetPhysicalDeviceFeatures", features, real_features),
        ENTRY("vkGetPhysicalDeviceFeatures2", features2, real_features2),
        ENTRY("vkGetPhysicalDeviceFeatures2KHR", features2, real_features2),
        ENTRY("vkGetPhysicalDeviceFormatProperties", format, real_format),
        ENTRY("vkCreateDevice", create, real_create)};
    return played_device_find(entries, sizeof(entries) / sizeof(*entries), name, real);
}

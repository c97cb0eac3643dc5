/* SPDX-License-Identifier: MIT */
/* What a played device does: memory that runs out, that is not visible or not coherent, work that
 * takes long, and the loss of the device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "played_device.h"

#define MEMORIES_MOST 4096
#define COMMANDS_MOST 64
#define TYPES 4 /* of a discrete device: its own, the host's: not coherent, coherent, cached */
#define ATOM 256

static void misuse(const char *what)
{
    fprintf(stderr, "played device: %s\n", what);
    abort();
}

/* --- memory --- */

static struct memory {
    VkDeviceMemory handle;
    uint32_t type;
    uint64_t size;
    uint8_t *real, *shadow; /* of a mapping that is not coherent */
} memories[MEMORIES_MOST];
static uint64_t used[2]; /* of the heaps */

static uint32_t heap_of(uint32_t type)
{
    return type == 0 ? 0 : 1;
}

static struct memory *memory_of(VkDeviceMemory handle)
{
    for (size_t i = 0; i < MEMORIES_MOST; i++) {
        if (memories[i].handle == handle)
            return &memories[i];
    }
    misuse("memory that was never allocated");
    return NULL;
}

static PFN_vkAllocateMemory real_allocate;

static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                               const VkAllocationCallbacks *callbacks,
                                               VkDeviceMemory *out)
{
    VkMemoryAllocateInfo real = *info;
    const uint32_t type = info->memoryTypeIndex, heap = heap_of(type);
    const uint64_t most = played_device_number(heap ? "host" : "local", UINT64_MAX),
                   full = played_device_number("full", UINT64_MAX);
    if (used[heap] + info->allocationSize > most ||
        (heap == 0 && used[0] + info->allocationSize > full))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    real.memoryTypeIndex = 0;
    const VkResult result = real_allocate(device, &real, callbacks, out);
    if (result != VK_SUCCESS)
        return result;
    *memory_of(VK_NULL_HANDLE) = (struct memory){*out, type, info->allocationSize, NULL, NULL};
    used[heap] += info->allocationSize;
    return VK_SUCCESS;
}

static PFN_vkFreeMemory real_free;

static VKAPI_ATTR void VKAPI_CALL release(VkDevice device, VkDeviceMemory handle,
                                          const VkAllocationCallbacks *callbacks)
{
    struct memory *m = handle ? memory_of(handle) : NULL;
    real_free(device, handle, callbacks);
    if (!m)
        return;
    used[heap_of(m->type)] -= m->size;
    free(m->shadow);
    *m = (struct memory){0};
}

static PFN_vkMapMemory real_map;

static VKAPI_ATTR VkResult VKAPI_CALL map(VkDevice device, VkDeviceMemory handle,
                                          VkDeviceSize offset, VkDeviceSize size,
                                          VkMemoryMapFlags flags, void **out)
{
    struct memory *m = memory_of(handle);
    if (m->type == 0)
        return VK_ERROR_MEMORY_MAP_FAILED;
    const VkResult result = real_map(device, handle, offset, size, flags, out);
    if (m->type != 1 || result != VK_SUCCESS)
        return result;
    if (offset != 0)
        misuse("a mapping of incoherent memory that does not begin at its start");
    m->real = *out;
    m->shadow = malloc(m->size);
    if (!m->shadow)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(m->shadow, 0xa5, m->size);
    *out = m->shadow;
    return VK_SUCCESS;
}

/* Copies ranges between what the host sees and the memory. */
static VkResult move(uint32_t n, const VkMappedMemoryRange *ranges, bool flush)
{
    for (uint32_t i = 0; i < n; i++) {
        struct memory *m = memory_of(ranges[i].memory);
        const uint64_t offset = ranges[i].offset;
        const uint64_t size = ranges[i].size == VK_WHOLE_SIZE ? m->size - offset : ranges[i].size;
        if (offset % ATOM || (size % ATOM && offset + size != m->size))
            misuse("a range that is no multiple of the atom");
        if (m->shadow)
            memcpy((flush ? m->real : m->shadow) + offset, (flush ? m->shadow : m->real) + offset,
                   size);
    }
    return VK_SUCCESS;
}

static PFN_vkFlushMappedMemoryRanges real_flush;
static PFN_vkInvalidateMappedMemoryRanges real_invalidate;

static VKAPI_ATTR VkResult VKAPI_CALL flush(VkDevice device, uint32_t n,
                                            const VkMappedMemoryRange *ranges)
{
    (void)device;
    return move(n, ranges, true);
}

static VKAPI_ATTR VkResult VKAPI_CALL invalidate(VkDevice device, uint32_t n,
                                                 const VkMappedMemoryRange *ranges)
{
    (void)device;
    return move(n, ranges, false);
}

static PFN_vkGetBufferMemoryRequirements real_needs;
static PFN_vkGetBufferMemoryRequirements2 real_needs2;

static VKAPI_ATTR void VKAPI_CALL needs(VkDevice device, VkBuffer buffer, VkMemoryRequirements *out)
{
    real_needs(device, buffer, out);
    out->memoryTypeBits = (1u << TYPES) - 1;
}

static VKAPI_ATTR void VKAPI_CALL needs2(VkDevice device,
                                         const VkBufferMemoryRequirementsInfo2 *info,
                                         VkMemoryRequirements2 *out)
{
    real_needs2(device, info, out);
    out->memoryRequirements.memoryTypeBits = (1u << TYPES) - 1;
}

/* --- queues of the second family are those of the first --- */

static PFN_vkGetDeviceQueue real_queue;
static PFN_vkCreateCommandPool real_pool;

static VKAPI_ATTR void VKAPI_CALL queue(VkDevice device, uint32_t family, uint32_t index,
                                        VkQueue *out)
{
    (void)family;
    real_queue(device, 0, index, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL pool(VkDevice device, const VkCommandPoolCreateInfo *info,
                                           const VkAllocationCallbacks *callbacks,
                                           VkCommandPool *out)
{
    VkCommandPoolCreateInfo real = *info;
    real.queueFamilyIndex = 0;
    return real_pool(device, &real, callbacks, out);
}

/* --- work and its time --- */

static struct {
    VkCommandBuffer commands;
    uint64_t groups;
} recorded[COMMANDS_MOST];
static uint64_t submits;
static bool lost;

void played_calls_begin(void)
{
    submits = 0;
    lost = false;
}

static uint64_t *groups_of(VkCommandBuffer commands)
{
    for (size_t i = 0; i < COMMANDS_MOST; i++) {
        if (!recorded[i].commands)
            recorded[i].commands = commands;
        if (recorded[i].commands == commands)
            return &recorded[i].groups;
    }
    misuse("more command buffers than this driver counts");
    return NULL;
}

static PFN_vkBeginCommandBuffer real_begin;
static PFN_vkCmdDispatch real_dispatch;
static PFN_vkQueueSubmit real_submit;
static PFN_vkWaitForFences real_wait;

static VKAPI_ATTR VkResult VKAPI_CALL begin(VkCommandBuffer commands,
                                            const VkCommandBufferBeginInfo *info)
{
    *groups_of(commands) = 0;
    return real_begin(commands, info);
}

static VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y,
                                           uint32_t z)
{
    *groups_of(commands) += (uint64_t)x * y * z;
    real_dispatch(commands, x, y, z);
}

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue q, uint32_t n, const VkSubmitInfo *info,
                                             VkFence fence)
{
    uint64_t ns = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < info[i].commandBufferCount; j++)
            ns += *groups_of(info[i].pCommandBuffers[j]) * played_device_number("slow", 0);
    }
    lost = lost || ++submits == played_device_number("lost", 0);
    lost = lost || ns / 1000000 > played_device_number("watchdog", UINT64_MAX);
    if (lost) /* a lost device does nothing any more */
        return played_device_has("late") ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;
    const struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    nanosleep(&time, NULL);
    return real_submit(q, n, info, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for(VkDevice device, uint32_t n, const VkFence *fences,
                                               VkBool32 all, uint64_t timeout)
{
    return lost ? VK_ERROR_DEVICE_LOST : real_wait(device, n, fences, all, timeout);
}

/* --- kernels that add where they should subtract --- */

#define HEADER 5 /* words of a module before its instructions */
#define F_ADD 129
#define F_SUB 131
#define U_MUL_EXTENDED 151

static bool has_op(const VkShaderModuleCreateInfo *info, uint32_t op)
{
    for (size_t at = HEADER; at < info->codeSize / 4 && info->pCode[at] >> 16;
         at += info->pCode[at] >> 16) {
        if ((info->pCode[at] & 0xffff) == op)
            return true;
    }
    return false;
}

static PFN_vkCreateShaderModule real_module;

/* The probe's, which has wide products beside subtractions, stays right. */
static VKAPI_ATTR VkResult VKAPI_CALL module(VkDevice device, const VkShaderModuleCreateInfo *info,
                                             const VkAllocationCallbacks *callbacks,
                                             VkShaderModule *out)
{
    VkShaderModuleCreateInfo wrong = *info;
    uint32_t *code = malloc(info->codeSize);
    if (!code || has_op(info, U_MUL_EXTENDED)) {
        free(code);
        return real_module(device, info, callbacks, out);
    }
    memcpy(code, info->pCode, info->codeSize);
    for (size_t at = HEADER; at < info->codeSize / 4 && code[at] >> 16; at += code[at] >> 16) {
        if ((code[at] & 0xffff) == F_SUB)
            code[at] = (code[at] & 0xffff0000) | F_ADD;
    }
    wrong.pCode = code;
    const VkResult result = real_module(device, &wrong, callbacks, out);
    free(code);
    return result;
}

#define ENTRY(name, play, real)                                                                    \
    {                                                                                              \
        name, (PFN_vkVoidFunction)(play), (PFN_vkVoidFunction *)&(real)                            \
    }
#define FIND(entries) played_device_find(entries, sizeof(entries) / sizeof(*(entries)), name, real)

PFN_vkVoidFunction played_calls_find(const char *name, PFN_vkVoidFunction real)
{
    static const struct played_device_entry memory[] = {
        ENTRY("vkAllocateMemory", allocate, real_allocate),
        ENTRY("vkFreeMemory", release, real_free),
        ENTRY("vkMapMemory", map, real_map),
        ENTRY("vkFlushMappedMemoryRanges", flush, real_flush),
        ENTRY("vkInvalidateMappedMemoryRanges", invalidate, real_invalidate),
        ENTRY("vkGetBufferMemoryRequirements", needs, real_needs),
        ENTRY("vkGetBufferMemoryRequirements2", needs2, real_needs2)};
    static const struct played_device_entry queues[] = {
        ENTRY("vkGetDeviceQueue", queue, real_queue),
        ENTRY("vkCreateCommandPool", pool, real_pool)};
    static const struct played_device_entry work[] = {
        ENTRY("vkBeginCommandBuffer", begin, real_begin),
        ENTRY("vkCmdDispatch", dispatch, real_dispatch),
        ENTRY("vkQueueSubmit", submit, real_submit), ENTRY("vkWaitForFences", wait_for, real_wait)};
    static const struct played_device_entry kernels[] = {
        ENTRY("vkCreateShaderModule", module, real_module)};
    PFN_vkVoidFunction play = FIND(work);
    if (!play && played_device_has("wrong"))
        play = FIND(kernels);
    if (!play && played_device_has("discrete"))
        play = FIND(memory);
    if (!play && played_device_has("families"))
        play = FIND(queues);
    return play;
}

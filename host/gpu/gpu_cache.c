/* SPDX-License-Identifier: MIT */
/* Compiled kernels kept in a file between runs: one for each driver, device and set of shaders. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "gpu/gpu_internal.h"
#include "shader_table.h"

#define MAGIC UINT64_C(0x31636b69666b76) /* "vkfikc1" */

/* What lies before the driver's bytes: some drivers trust what they are given. */
struct head {
    uint64_t magic, size, hash; /* of the bytes */
};

static uint64_t hash_of(const void *bytes, size_t size)
{
    return hash_fold_bytes(MAGIC, bytes, size);
}

/* "FOLDER/0123456789abcdef0123456789abcdef.bin" */
static char *make_path(const struct gpu *gpu, const char *folder)
{
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                       .pNext = &id};
    uint64_t driver = MAGIC, shaders = MAGIC;
    vkGetPhysicalDeviceProperties2(gpu->physical, &all);
    const VkPhysicalDeviceProperties *p = &all.properties;
    driver = hash_fold64(driver, (uint64_t)p->vendorID << 32 | p->deviceID);
    driver = hash_fold64(driver, (uint64_t)p->driverVersion << 32 | p->apiVersion);
    driver = hash_fold_bytes(driver, p->pipelineCacheUUID, VK_UUID_SIZE);
    driver = hash_fold_bytes(driver, id.driverUUID, VK_UUID_SIZE);
    driver = hash_fold_bytes(driver, id.deviceUUID, VK_UUID_SIZE);
    for (size_t i = 0; i < shader_table_count; i++)
        shaders = hash_fold64(shaders, shader_table[i]->hash);
    const size_t size = strlen(folder) + 40;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%016" PRIx64 "%016" PRIx64 ".bin", folder, driver, shaders);
    return path;
}

/* A cache of another device or driver is not offered. */
static bool is_ours(const struct gpu *gpu, const char *bytes, size_t size)
{
    VkPipelineCacheHeaderVersionOne head;
    VkPhysicalDeviceProperties properties;
    if (size < sizeof(head))
        return false;
    memcpy(&head, bytes, sizeof(head));
    vkGetPhysicalDeviceProperties(gpu->physical, &properties);
    return head.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           head.vendorID == properties.vendorID && head.deviceID == properties.deviceID &&
           memcmp(head.pipelineCacheUUID, properties.pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

/* The driver's bytes in the file, whole and its own; else of size 0. They live in the arena. */
struct kept {
    char *bytes;
    size_t size;
    uint64_t hash;
};

static struct kept read_file(const struct gpu *gpu, struct arena *arena)
{
    struct head head = {0};
    char *file = NULL;
    size_t size = 0;
    if (access(gpu->cache_path, R_OK) != 0)
        return (struct kept){0};
    log_hold_errors(true);
    const enum status st = file_read(arena, gpu->cache_path, &file, &size);
    log_hold_errors(false);
    if (st)
        return (struct kept){0};
    if (size >= sizeof(head))
        memcpy(&head, file, sizeof(head));
    char *bytes = file + sizeof(head);
    if (size < sizeof(head) || head.magic != MAGIC || head.size != size - sizeof(head) ||
        head.hash != hash_of(bytes, head.size) || !is_ours(gpu, bytes, head.size)) {
        log_info("%s: a damaged file of compiled kernels, made anew", gpu->cache_path);
        return (struct kept){0};
    }
    return (struct kept){bytes, head.size, head.hash};
}

/* A driver that refuses what it wrote itself starts with nothing. */
static VkResult create(struct gpu *gpu, const struct kept *kept, VkPipelineCache *out)
{
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = kept->size,
        .pInitialData = kept->size ? kept->bytes : NULL,
    };
    VkResult result = gpu->vk.vkCreatePipelineCache(gpu->device, &info, NULL, out);
    if (result == VK_SUCCESS || kept->size == 0)
        return result;
    info.initialDataSize = 0;
    info.pInitialData = NULL;
    return gpu->vk.vkCreatePipelineCache(gpu->device, &info, NULL, out);
}

enum status gpu_cache_init(struct gpu *gpu, const char *folder)
{
    enum status st = STATUS_OK;
    struct arena arena = {0};
    struct kept kept = {0};
    if (folder && !(gpu->cache_path = make_path(gpu, folder))) {
        log_error("no memory for the path of the kernel cache");
        return STATUS_MEMORY;
    }
    if (gpu->cache_path)
        kept = read_file(gpu, &arena);
    gpu->cache_hash = kept.hash;
    VK(create(gpu, &kept, &gpu->cache));
fail:
    arena_finish(&arena);
    return st;
}

/* The folder of the file, and those above it. */
static void make_folders(const char *path)
{
    char *folder = strdup(path);
    for (char *at = folder ? strchr(folder + 1, '/') : NULL; at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(folder, 0777); /* the write below says what is wrong */
        *at = '/';
    }
    free(folder);
}

/* Adds what another process has written since this one began. */
static void merge_others(struct gpu *gpu)
{
    struct arena arena = {0};
    const struct kept kept = read_file(gpu, &arena);
    VkPipelineCache other = VK_NULL_HANDLE;
    if (kept.size > 0 && kept.hash != gpu->cache_hash && create(gpu, &kept, &other) == VK_SUCCESS &&
        gpu->vk.vkMergePipelineCaches(gpu->device, gpu->cache, 1, &other) != VK_SUCCESS)
        log_debug("%s: compiled kernels of another process are not merged", gpu->cache_path);
    gpu->vk.vkDestroyPipelineCache(gpu->device, other, NULL);
    arena_finish(&arena);
}

/* Whole or not at all: others may read it, or write it too. */
static enum status write_file(const char *path, const void *bytes, size_t size)
{
    const struct head head = {MAGIC, size, hash_of(bytes, size)};
    struct file_writer writer;
    enum status st = file_writer_init(&writer, path);
    if (st)
        return st;
    fwrite(&head, 1, sizeof(head), writer.file); /* the commit sees a failure */
    fwrite(bytes, 1, size, writer.file);
    st = file_writer_commit(&writer);
    file_writer_finish(&writer);
    return st;
}

/* A cache that cannot be written costs time in the next run, nothing else. */
static void keep(struct gpu *gpu)
{
    size_t size = 0;
    merge_others(gpu);
    if (gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &size, NULL) != VK_SUCCESS ||
        size <= sizeof(VkPipelineCacheHeaderVersionOne))
        return; /* a driver that keeps nothing here */
    void *bytes = malloc(size);
    if (bytes &&
        gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &size, bytes) == VK_SUCCESS &&
        hash_of(bytes, size) != gpu->cache_hash) {
        make_folders(gpu->cache_path);
        log_hold_errors(true);
        if (write_file(gpu->cache_path, bytes, size) != STATUS_OK)
            log_info("compiled kernels are not kept: %s", log_last_error());
        log_hold_errors(false);
    }
    free(bytes);
}

void gpu_cache_finish(struct gpu *gpu)
{
    if (gpu->cache && gpu->cache_path && gpu->compiled && !gpu->lost)
        keep(gpu);
    gpu->vk.vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
    gpu->cache = VK_NULL_HANDLE;
}

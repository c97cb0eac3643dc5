/* SPDX-License-Identifier: MIT */
/* Descriptor sets, one per distinct list of bindings, found by hash. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "gpu/gpu_internal.h"

#define POOL_SETS 128
#define BUCKETS 1024 /* a power of two */

struct set_key {
    uint64_t serial[KERNEL_BINDINGS_MAX]; /* of the buffers; unused ones 0 */
    uint64_t offset[KERNEL_BINDINGS_MAX];
    uint64_t range[KERNEL_BINDINGS_MAX];
};

struct set {
    struct set *next; /* in its bucket */
    uint64_t hash;
    uint32_t count;
    VkDescriptorPool pool;
    VkDescriptorSet handle;
    struct set_key key;
};

struct gpu_sets {
    struct set *bucket[BUCKETS]; /* owned chains */
    VkDescriptorPool *pool;      /* (pool_count) owned; the last one has room */
    uint32_t pool_count;
};

enum status gpu_sets_layout(struct gpu *gpu, uint32_t count, VkDescriptorSetLayout *out)
{
    enum status st = STATUS_OK;
    VkDescriptorSetLayoutBinding binding[KERNEL_BINDINGS_MAX];
    for (uint32_t i = 0; i < count; i++)
        binding[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = binding,
    };
    if (!gpu->set_layout[count])
        VK(gpu->vk.vkCreateDescriptorSetLayout(gpu->device, &info, NULL, &gpu->set_layout[count]));
    *out = gpu->set_layout[count];
fail:
    return st;
}

static enum status add_pool(struct gpu *gpu)
{
    struct gpu_sets *sets = gpu->sets;
    enum status st = STATUS_OK;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                       POOL_SETS * KERNEL_BINDINGS_MAX};
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
        .maxSets = POOL_SETS,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkDescriptorPool *more = realloc(sets->pool, (sets->pool_count + 1) * sizeof *more);
    if (!more) {
        log_error("no memory for a pool of descriptor sets");
        return STATUS_MEMORY;
    }
    sets->pool = more;
    VK(gpu->vk.vkCreateDescriptorPool(gpu->device, &info, NULL, &more[sets->pool_count]));
    sets->pool_count++;
fail:
    return st;
}

static enum status allocate(struct gpu *gpu, struct set *set)
{
    struct gpu_sets *sets = gpu->sets;
    VkDescriptorSetLayout layout;
    enum status st = gpu_sets_layout(gpu, set->count, &layout);
    if (st != STATUS_OK)
        return st;
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &layout,
    };
    /* Newest first: older pools have room only where buffers went away. */
    for (uint32_t i = sets->pool_count; i-- > 0;) {
        info.descriptorPool = set->pool = sets->pool[i];
        VkResult result = gpu->vk.vkAllocateDescriptorSets(gpu->device, &info, &set->handle);
        if (result == VK_SUCCESS)
            return STATUS_OK;
        if (result != VK_ERROR_OUT_OF_POOL_MEMORY && result != VK_ERROR_FRAGMENTED_POOL)
            VK(result);
    }
    if ((st = add_pool(gpu)) != STATUS_OK)
        return st;
    info.descriptorPool = set->pool = sets->pool[sets->pool_count - 1];
    VK(gpu->vk.vkAllocateDescriptorSets(gpu->device, &info, &set->handle));
fail:
    return st;
}

static void write(struct gpu *gpu, const struct set *set, const struct stream_binding *bindings)
{
    VkDescriptorBufferInfo buffer[KERNEL_BINDINGS_MAX];
    VkWriteDescriptorSet entry[KERNEL_BINDINGS_MAX];
    for (uint32_t i = 0; i < set->count; i++) {
        buffer[i] = (VkDescriptorBufferInfo){bindings[i].buffer->handle, set->key.offset[i],
                                             set->key.range[i]};
        entry[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set->handle,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &buffer[i],
        };
    }
    gpu->vk.vkUpdateDescriptorSets(gpu->device, set->count, entry, 0, NULL);
}

static uint64_t make_key(struct set_key *key, const struct stream_binding *bindings, uint32_t count)
{
    uint64_t hash = count;
    memset(key, 0, sizeof *key);
    for (uint32_t i = 0; i < count; i++) {
        const struct stream_binding *b = &bindings[i];
        key->serial[i] = b->buffer->serial;
        key->offset[i] = b->offset;
        key->range[i] = b->range ? b->range : b->buffer->size - b->offset;
        hash = hash_fold64(hash, key->serial[i]);
        hash = hash_fold64(hash, key->offset[i]);
        hash = hash_fold64(hash, key->range[i]);
    }
    return hash;
}

enum status gpu_sets_get(struct gpu *gpu, const struct stream_binding *bindings, uint32_t count,
                         VkDescriptorSet *out)
{
    if (!gpu->sets && !(gpu->sets = calloc(1, sizeof *gpu->sets))) {
        log_error("no memory for the table of descriptor sets");
        return STATUS_MEMORY;
    }
    struct set_key key;
    uint64_t hash = make_key(&key, bindings, count);
    struct set **head = &gpu->sets->bucket[hash & (BUCKETS - 1)];
    for (struct set *set = *head; set; set = set->next) {
        if (set->hash != hash || set->count != count || memcmp(&set->key, &key, sizeof key) != 0)
            continue;
        *out = set->handle;
        return STATUS_OK;
    }
    struct set *set = calloc(1, sizeof *set);
    if (!set) {
        log_error("no memory for a descriptor set");
        return STATUS_MEMORY;
    }
    *set = (struct set){.hash = hash, .count = count, .key = key};
    enum status st = allocate(gpu, set);
    if (st != STATUS_OK) {
        free(set);
        return st;
    }
    write(gpu, set, bindings);
    set->next = *head;
    *head = set;
    *out = set->handle;
    return STATUS_OK;
}

void gpu_sets_forget(struct gpu *gpu, uint64_t serial)
{
    for (size_t i = 0; gpu->sets && i < BUCKETS; i++) {
        for (struct set **link = &gpu->sets->bucket[i]; *link;) {
            struct set *set = *link;
            bool names = false;
            for (uint32_t b = 0; b < set->count; b++)
                names |= set->key.serial[b] == serial;
            if (!names) {
                link = &set->next;
                continue;
            }
            *link = set->next;
            gpu->vk.vkFreeDescriptorSets(gpu->device, set->pool, 1, &set->handle);
            free(set);
        }
    }
}

void gpu_sets_finish(struct gpu *gpu)
{
    if (!gpu->sets)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (gpu->sets->bucket[i]) {
            struct set *set = gpu->sets->bucket[i];
            gpu->sets->bucket[i] = set->next;
            free(set);
        }
    }
    for (uint32_t i = 0; i < gpu->sets->pool_count; i++)
        gpu->vk.vkDestroyDescriptorPool(gpu->device, gpu->sets->pool[i], NULL);
    free(gpu->sets->pool);
    free(gpu->sets);
    gpu->sets = NULL;
}

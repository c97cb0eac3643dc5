/* SPDX-License-Identifier: MIT */
/* Layouts, one per kernel interface; descriptor sets, one per list of bindings, by hash. */
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
    struct gpu_set_shape shape;
    VkDescriptorPool pool;
    VkDescriptorSet handle;
    VkBufferView view[KERNEL_BINDINGS_MAX]; /* owned; of texel bindings, else null */
    struct set_key key;
};

struct layout {
    struct gpu_set_shape shape;
    struct gpu_layouts handles;
};

struct gpu_sets {
    struct set *bucket[BUCKETS]; /* owned chains */
    VkDescriptorPool *pool;      /* (pool_count) owned; the last one has room */
    uint32_t pool_count;
    struct layout *layout; /* (layout_count) owned */
    uint32_t layout_count;
};

static enum status make_table(struct gpu *gpu)
{
    if (!gpu->sets && !(gpu->sets = calloc(1, sizeof(*gpu->sets)))) {
        log_error("no memory for the table of descriptor sets");
        return STATUS_MEMORY;
    }
    return STATUS_OK;
}

static VkDescriptorType type_of(struct gpu_set_shape shape, uint32_t binding)
{
    return shape.texels >> binding & 1 ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                       : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

static bool has(struct gpu_set_shape shape, uint32_t binding)
{
    return shape.bindings >> binding & 1;
}

static void destroy_layout(struct gpu *gpu, const struct layout *layout)
{
    gpu->vk.vkDestroyPipelineLayout(gpu->device, layout->handles.pipeline, NULL);
    gpu->vk.vkDestroyDescriptorSetLayout(gpu->device, layout->handles.set, NULL);
}

static enum status make_layout(struct gpu *gpu, struct layout *layout)
{
    enum status st = STATUS_OK;
    const struct gpu_set_shape shape = layout->shape;
    struct gpu_layouts *out = &layout->handles;
    VkDescriptorSetLayoutBinding binding[KERNEL_BINDINGS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < KERNEL_BINDINGS_MAX; i++) {
        if (has(shape, i))
            binding[count++] = (VkDescriptorSetLayoutBinding){
                .binding = i,
                .descriptorType = type_of(shape, i),
                .descriptorCount = 1,
                .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
            };
    }
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = binding,
    };
    const VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, shape.push_size};
    const VkPipelineLayoutCreateInfo pipeline = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &out->set,
        .pushConstantRangeCount = shape.push_size ? 1 : 0,
        .pPushConstantRanges = &push,
    };
    VK(gpu->vk.vkCreateDescriptorSetLayout(gpu->device, &set, NULL, &out->set));
    VK(gpu->vk.vkCreatePipelineLayout(gpu->device, &pipeline, NULL, &out->pipeline));
    return STATUS_OK;
fail:
    destroy_layout(gpu, layout);
    return st;
}

static bool same(struct gpu_set_shape a, struct gpu_set_shape b)
{
    return a.bindings == b.bindings && a.texels == b.texels && a.push_size == b.push_size;
}

enum status gpu_sets_layouts(struct gpu *gpu, struct gpu_set_shape shape, struct gpu_layouts *out)
{
    enum status st = make_table(gpu);
    if (st)
        return st;
    struct gpu_sets *sets = gpu->sets;
    for (uint32_t i = 0; i < sets->layout_count; i++) {
        if (same(sets->layout[i].shape, shape)) {
            *out = sets->layout[i].handles;
            return STATUS_OK;
        }
    }
    struct layout *more = realloc(sets->layout, (sets->layout_count + 1) * sizeof(*more));
    if (!more) {
        log_error("no memory for a layout of descriptor sets");
        return STATUS_MEMORY;
    }
    sets->layout = more;
    struct layout *layout = &more[sets->layout_count];
    *layout = (struct layout){.shape = shape};
    st = make_layout(gpu, layout);
    if (st)
        return st;
    sets->layout_count++;
    *out = layout->handles;
    return STATUS_OK;
}

static enum status add_pool(struct gpu *gpu)
{
    struct gpu_sets *sets = gpu->sets;
    enum status st = STATUS_OK;
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, POOL_SETS * KERNEL_BINDINGS_MAX},
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, POOL_SETS * KERNEL_BINDINGS_MAX},
    };
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
        .maxSets = POOL_SETS,
        .poolSizeCount = sizeof(sizes) / sizeof(*sizes),
        .pPoolSizes = sizes,
    };
    VkDescriptorPool *more = realloc(sets->pool, (sets->pool_count + 1) * sizeof(*more));
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
    struct gpu_layouts layouts;
    enum status st = gpu_sets_layouts(gpu, set->shape, &layouts);
    if (st)
        return st;
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &layouts.set,
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

static enum status make_views(struct gpu *gpu, struct set *set,
                              const struct stream_binding *bindings)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < KERNEL_BINDINGS_MAX; i++) {
        if (!has(set->shape, i))
            continue;
        const VkBufferViewCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
            .buffer = bindings[i].buffer->handle,
            .format = GPU_TEXEL_FORMAT,
            .offset = set->key.offset[i],
            .range = set->key.range[i],
        };
        if (type_of(set->shape, i) == VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER)
            VK(gpu->vk.vkCreateBufferView(gpu->device, &info, NULL, &set->view[i]));
    }
fail:
    return st;
}

/* Destroys a set that was allocated; frees it. */
static void drop(struct gpu *gpu, struct set *set)
{
    for (uint32_t i = 0; i < KERNEL_BINDINGS_MAX; i++)
        gpu->vk.vkDestroyBufferView(gpu->device, set->view[i], NULL);
    gpu->vk.vkFreeDescriptorSets(gpu->device, set->pool, 1, &set->handle);
    free(set);
}

static void write(struct gpu *gpu, const struct set *set, const struct stream_binding *bindings)
{
    VkDescriptorBufferInfo buffer[KERNEL_BINDINGS_MAX];
    VkWriteDescriptorSet entry[KERNEL_BINDINGS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < KERNEL_BINDINGS_MAX; i++) {
        if (!has(set->shape, i))
            continue;
        buffer[i] = (VkDescriptorBufferInfo){bindings[i].buffer->handle, set->key.offset[i],
                                             set->key.range[i]};
        entry[count++] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set->handle,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = type_of(set->shape, i),
            .pBufferInfo = &buffer[i],
            .pTexelBufferView = &set->view[i],
        };
    }
    gpu->vk.vkUpdateDescriptorSets(gpu->device, count, entry, 0, NULL);
}

static uint64_t make_key(struct set_key *key, const struct stream_binding *bindings,
                         struct gpu_set_shape shape)
{
    uint64_t hash = hash_fold64(shape.bindings, shape.texels);
    memset(key, 0, sizeof(*key));
    for (uint32_t i = 0; i < KERNEL_BINDINGS_MAX; i++) {
        if (!has(shape, i))
            continue;
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

/* The set of this key, or null. */
static struct set *find(const struct gpu_sets *sets, uint64_t hash, struct gpu_set_shape shape,
                        const struct set_key *key)
{
    for (struct set *set = sets->bucket[hash & (BUCKETS - 1)]; set; set = set->next) {
        if (set->hash == hash && same(set->shape, shape) &&
            memcmp(&set->key, key, sizeof(*key)) == 0)
            return set;
    }
    return NULL;
}

enum status gpu_sets_get(struct gpu *gpu, const struct stream_binding *bindings,
                         struct gpu_set_shape shape, VkDescriptorSet *out)
{
    enum status st = make_table(gpu);
    if (st)
        return st;
    struct set_key key;
    uint64_t hash = make_key(&key, bindings, shape);
    struct set **head = &gpu->sets->bucket[hash & (BUCKETS - 1)];
    struct set *set = find(gpu->sets, hash, shape, &key);
    if (set) {
        *out = set->handle;
        return STATUS_OK;
    }
    set = calloc(1, sizeof(*set));
    if (!set) {
        log_error("no memory for a descriptor set");
        return STATUS_MEMORY;
    }
    *set = (struct set){.hash = hash, .shape = shape, .key = key};
    st = allocate(gpu, set);
    if (st) {
        free(set);
        return st;
    }
    st = make_views(gpu, set, bindings);
    if (st) {
        drop(gpu, set);
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
            for (uint32_t b = 0; b < KERNEL_BINDINGS_MAX; b++)
                names |= set->key.serial[b] == serial;
            if (!names) {
                link = &set->next;
                continue;
            }
            *link = set->next;
            drop(gpu, set);
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
            drop(gpu, set);
        }
    }
    for (uint32_t i = 0; i < gpu->sets->pool_count; i++)
        gpu->vk.vkDestroyDescriptorPool(gpu->device, gpu->sets->pool[i], NULL);
    for (uint32_t i = 0; i < gpu->sets->layout_count; i++)
        destroy_layout(gpu, &gpu->sets->layout[i]);
    free(gpu->sets->layout);
    free(gpu->sets->pool);
    free(gpu->sets);
    gpu->sets = NULL;
}

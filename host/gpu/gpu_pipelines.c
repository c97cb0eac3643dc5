/* SPDX-License-Identifier: MIT */
/* Compiled pipelines of an open device, each made once, by the words that the driver gets. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "gpu/gpu_internal.h"

struct gpu_pipeline {
    struct gpu_pipeline *next;
    char words[HASH_SHA256_TEXT];
    uint32_t subgroup_size;
    VkPipeline handle; /* owned; null: not made yet */
};

enum status gpu_pipelines_find(struct gpu *gpu, const struct gpu_pipeline_key *key,
                               VkPipeline **out)
{
    char words[HASH_SHA256_TEXT];
    struct gpu_pipeline *p = gpu->pipelines;
    hash_sha256(key->words, key->count * sizeof(*key->words), words);
    while (p && (p->subgroup_size != key->subgroup_size || strcmp(p->words, words) != 0))
        p = p->next;
    if (!p) {
        p = calloc(1, sizeof(*p));
        if (!p) {
            log_error("no memory for a pipeline");
            return STATUS_MEMORY;
        }
        memcpy(p->words, words, sizeof(words));
        p->subgroup_size = key->subgroup_size;
        p->next = gpu->pipelines;
        gpu->pipelines = p;
    }
    *out = &p->handle;
    return STATUS_OK;
}

void gpu_pipelines_finish(struct gpu *gpu)
{
    while (gpu->pipelines) {
        struct gpu_pipeline *next = gpu->pipelines->next;
        gpu->vk.vkDestroyPipeline(gpu->device, gpu->pipelines->handle, NULL);
        free(gpu->pipelines);
        gpu->pipelines = next;
    }
}

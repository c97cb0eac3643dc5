/* SPDX-License-Identifier: MIT */
/* Pages of K and V on the device, their tables, and edits of single entries. */
#ifndef VKFI_VK_VK_KV_H
#define VKFI_VK_VK_KV_H

#include <stdint.h>

#include "base/status.h"
#include "gpu/buffer.h"
#include "gpu/stream.h"
#include "model/executor.h"

/* A page copied to another before a pass writes that one. */
struct vk_kv_copy {
    uint32_t layer, from, to;
};

struct vk_kv {
    const struct model *model;
    struct kv *kv;             /* bookkeeping; owned by the executor's base */
    struct gpu_buffer **pages; /* (n_layers) K pages, then V pages; owned */
    struct gpu_buffer *tables; /* (branches, n_layers, blocks) words */
    uint32_t layers, blocks, branches;
    uint32_t page_count; /* a layer */
    uint32_t row;        /* quads of one position */
    uint32_t values;     /* quads before the pages of V */
    enum storage storage;
    uint64_t bytes;
    struct vk_kv_copy *copies; /* (copy_room) due before the next store */
    uint32_t n_copies, copy_room;
};

enum status vk_kv_init(struct vk_kv *out, struct gpu *gpu, const struct executor_params *params,
                       struct kv *kv, uint32_t page_count) STATUS_MUST_USE;
void vk_kv_finish(struct vk_kv *kv);

/* Word, in the tables buffer, of a branch's table of layer 0; a layer has `blocks` words. */
static inline uint32_t vk_kv_table(const struct vk_kv *kv, uint32_t branch)
{
    return branch * kv->layers * kv->blocks;
}

/* Makes the position writable in [layer, end) and notes the page copies this takes. */
enum status vk_kv_own(struct vk_kv *kv, const struct column *column) STATUS_MUST_USE;

/* Writes the column's page tables where the device reads them. */
void vk_kv_upload(struct vk_kv *kv, const struct column *column);

/* Records the copies noted so far, in order, and forgets them. */
enum status vk_kv_copy(struct vk_kv *kv, struct stream *stream) STATUS_MUST_USE;

/* Edits one stored entry; the page is owned and no work is in flight. */
enum status vk_kv_edit(struct vk_kv *kv, const struct kv_site *site,
                       struct hook_data *data) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* Pages of K and V on the device, the tables of a pass, and edits of single entries. */
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
    uint32_t layers, blocks, branches;
    uint32_t stride;    /* words of a layer in the tables of this pass */
    uint32_t collected; /* tables of this pass */
    uint32_t
        *places; /* (branches) table of a branch among those of this pass, from 1 on; 0: none */
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

/* Makes the position writable in [layer, end) and notes the page copies this takes. */
enum status vk_kv_own(struct vk_kv *kv, const struct column *column) STATUS_MUST_USE;

/* Words that the tables of a pass may take: of as many branches as it has columns. */
uint64_t vk_kv_table_words(const struct vk_kv *kv, uint32_t columns);

/* Chooses `stride`; tables are collected from here on. */
void vk_kv_begin(struct vk_kv *kv, const struct pass *pass);

/* Where the table of the column's branch starts: words from that of the first, which is at
 * `tables`. Written there if the pass did not have it yet. */
uint32_t vk_kv_table(struct vk_kv *kv, const struct column *column, uint32_t *tables);

/* Words collected. */
uint32_t vk_kv_collected(const struct vk_kv *kv);

/* Records the copies noted so far, in order, and forgets them. */
enum status vk_kv_copy(struct vk_kv *kv, struct stream *stream) STATUS_MUST_USE;

/* Edits one stored entry; the page is owned and no work is in flight. */
enum status vk_kv_edit(struct vk_kv *kv, const struct kv_site *site,
                       struct hook_data *data) STATUS_MUST_USE;

#endif

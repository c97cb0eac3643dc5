/* SPDX-License-Identifier: MIT */
/* Pages of K and V: memory, copies, and the words of single entries. */
#include "vk/vk_kv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shared/order.h"

#define KV_QUAD 16u

enum status vk_kv_init(struct vk_kv *out, struct gpu *gpu, const struct executor_params *params,
                       struct kv *kv, uint32_t page_count)
{
    const struct hparams *hp = &params->model->hp;
    const uint32_t features = hp->n_head_kv * hp->head_dim;
    const uint32_t blocks = order_ceil(params->positions, KV_PAGE_POSITIONS);
    const uint64_t table_words = (uint64_t)params->branches * hp->n_layers * blocks;
    enum status st;

    *out = (struct vk_kv){.model = params->model,
                          .kv = kv,
                          .layers = hp->n_layers,
                          .blocks = blocks,
                          .branches = params->branches,
                          .page_count = page_count,
                          .row = features * storage_bits(params->kv) / 8 / KV_QUAD,
                          .storage = params->kv};
    const uint64_t values = (uint64_t)page_count * KV_PAGE_POSITIONS * out->row;
    const uint64_t bytes = 2 * values * KV_QUAD;
    out->pages = calloc(hp->n_layers, sizeof(struct gpu_buffer *));
    if (!out->pages) {
        log_error("vk: no host memory for %" PRIu32 " layers of pages", hp->n_layers);
        return STATUS_MEMORY;
    }
    if (bytes > gpu_get_info(gpu)->max_storage_range) {
        log_error("%s: K and V of a layer take %" PRIu64 " bytes (%" PRIu32
                  " pages), a binding sees at most %" PRIu64 ": ask for fewer pages",
                  gpu_get_info(gpu)->name, bytes, page_count, gpu_get_info(gpu)->max_storage_range);
        return STATUS_DEVICE_MEMORY;
    }
    out->values = (uint32_t)values;
    st = gpu_buffer_create(&out->tables, gpu, GPU_BUFFER_UPLOAD, table_words * 4, "page tables");
    for (uint32_t i = 0; i < hp->n_layers && !st; i++)
        st = gpu_buffer_create(&out->pages[i], gpu, GPU_BUFFER_STORAGE, bytes, "K and V pages");
    out->bytes = bytes * hp->n_layers + table_words * 4;
    return st;
}

void vk_kv_finish(struct vk_kv *kv)
{
    for (uint32_t i = 0; kv->pages && i < kv->layers; i++)
        gpu_buffer_destroy(&kv->pages[i]);
    gpu_buffer_destroy(&kv->tables);
    free(kv->pages);
    free(kv->copies);
    *kv = (struct vk_kv){0};
}

static enum status note_copy(struct vk_kv *kv, struct vk_kv_copy copy)
{
    if (kv->n_copies == kv->copy_room) {
        const uint32_t room = kv->copy_room ? 2 * kv->copy_room : 64;
        struct vk_kv_copy *copies = realloc(kv->copies, room * sizeof(*copies));
        if (!copies) {
            log_error("vk: no host memory for %" PRIu32 " page copies", room);
            return STATUS_MEMORY;
        }
        kv->copies = copies;
        kv->copy_room = room;
    }
    kv->copies[kv->n_copies++] = copy;
    return STATUS_OK;
}

/* The page of one entry becomes the branch's own, in every layer of the column. */
static enum status own_entry(struct vk_kv *kv, const struct column *column, uint32_t position)
{
    enum status st = STATUS_OK;

    for (uint32_t layer = column->start_layer; layer < column->end_layer && !st; layer++) {
        struct kv_slot slot;
        st = kv_write(kv->kv, column->branch, layer, position, &slot);
        if (!st && slot.copy_from != KV_NO_PAGE)
            st = note_copy(kv, (struct vk_kv_copy){layer, slot.copy_from, slot.page});
    }
    return st;
}

enum status vk_kv_own(struct vk_kv *kv, const struct column *column)
{
    const enum status st = own_entry(kv, column, column->position);

    return !st && column_entry(column) != column->position
               ? own_entry(kv, column, column_entry(column))
               : st;
}

void vk_kv_upload(struct vk_kv *kv, const struct column *column)
{
    const size_t bytes = (column->position / KV_PAGE_POSITIONS + 1) * sizeof(uint32_t);
    uint32_t *tables = gpu_buffer_mapped(kv->tables);

    for (uint32_t layer = column->start_layer; layer < column->end_layer; layer++)
        memcpy(tables + vk_kv_table(kv, column->branch) + (size_t)layer * kv->blocks,
               kv_table(kv->kv, column->branch, layer), bytes);
}

enum status vk_kv_copy(struct vk_kv *kv, struct stream *stream)
{
    const uint64_t page = (uint64_t)KV_PAGE_POSITIONS * kv->row * KV_QUAD;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < kv->n_copies && !st; i++) {
        const struct vk_kv_copy *c = &kv->copies[i];
        struct stream_copy copy = {.from = kv->pages[c->layer],
                                   .to = kv->pages[c->layer],
                                   .from_offset = c->from * page,
                                   .to_offset = c->to * page,
                                   .size = page};
        st = stream_copy(stream, &copy);
        copy.from_offset += (uint64_t)kv->values * KV_QUAD;
        copy.to_offset += (uint64_t)kv->values * KV_QUAD;
        if (!st)
            st = stream_copy(stream, &copy);
    }
    kv->n_copies = 0;
    return st;
}

enum status vk_kv_edit(struct vk_kv *kv, const struct kv_site *site, struct hook_data *data)
{
    struct gpu_buffer *pages = kv->pages[site->layer];
    const uint32_t block = site->position / KV_PAGE_POSITIONS;
    const uint64_t page = kv_table(kv->kv, site->branch, site->layer)[block];
    const uint64_t position = page * KV_PAGE_POSITIONS + site->position % KV_PAGE_POSITIONS;
    const uint32_t halves = kv->storage == STORAGE_F32 ? 1 : 2;
    const uint32_t shift = site->feature % halves * 16;
    const uint32_t mask = halves == 1 ? UINT32_MAX : UINT32_C(0xffff) << shift;
    const uint64_t offset = ((site->value ? kv->values : 0) + position * kv->row) * KV_QUAD +
                            site->feature / halves * 4;
    uint32_t word = 0;
    enum status st = gpu_buffer_read(pages, offset, &word, 4);

    if (st)
        return st;
    data->before = (word & mask) >> shift;
    const uint32_t edited = hook_edit(*data, 0, data->before, 0) << shift;
    word = (word & ~mask) | (edited & mask);
    st = gpu_buffer_write(pages, offset, &word, 4);
    if (!st)
        st = gpu_buffer_read(pages, offset, &word, 4);
    data->after = (word & mask) >> shift;
    data->count = 1;
    return st;
}

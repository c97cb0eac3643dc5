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
    enum status st = STATUS_OK;

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
    out->places = calloc(params->branches, sizeof(*out->places));
    if (!out->pages || !out->places) {
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
    for (uint32_t i = 0; i < hp->n_layers && !st; i++)
        st = gpu_buffer_create(&out->pages[i], gpu, GPU_BUFFER_STORAGE, bytes, "K and V pages");
    out->bytes = bytes * hp->n_layers;
    return st;
}

void vk_kv_finish(struct vk_kv *kv)
{
    for (uint32_t i = 0; kv->pages && i < kv->layers; i++)
        gpu_buffer_destroy(&kv->pages[i]);
    free(kv->pages);
    free(kv->places);
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

uint64_t vk_kv_table_words(const struct vk_kv *kv, uint32_t columns)
{
    return (uint64_t)(columns < kv->branches ? columns : kv->branches) * kv->layers * kv->blocks;
}

/* Blocks up to the last position that a column reads or writes. */
static uint32_t blocks_of(const struct vk_kv *kv, const struct column *c)
{
    const uint32_t last = column_last(c), entry = column_entry(c);
    uint32_t most = c->position > last ? c->position : last;

    most = (most > entry ? most : entry) / KV_PAGE_POSITIONS + 1;
    return most < kv->blocks ? most : kv->blocks;
}

void vk_kv_begin(struct vk_kv *kv, const struct pass *pass)
{
    memset(kv->places, 0, kv->branches * sizeof(*kv->places));
    kv->stride = kv->collected = 0;
    for (uint32_t i = 0; i < pass->n_columns; i++) {
        const uint32_t blocks = blocks_of(kv, &pass->columns[i]);
        kv->stride = blocks > kv->stride ? blocks : kv->stride;
    }
}

uint32_t vk_kv_table(struct vk_kv *kv, const struct column *column, uint32_t *tables)
{
    uint32_t *place = &kv->places[column->branch];
    const bool there = *place > 0;

    *place = there ? *place : ++kv->collected;
    const uint32_t at = (*place - 1) * kv->layers * kv->stride;
    for (uint32_t layer = 0; layer < kv->layers && !there; layer++)
        memcpy(tables + at + (size_t)layer * kv->stride, kv_table(kv->kv, column->branch, layer),
               kv->stride * sizeof(*tables));
    return at;
}

uint32_t vk_kv_collected(const struct vk_kv *kv)
{
    return kv->collected * kv->layers * kv->stride;
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

/* SPDX-License-Identifier: MIT */
/* Page tables, reference counts and free lists of the KV cache; no page memory. */
#include "model/kv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shared/order.h"

struct kv {
    struct kv_params params;
    uint32_t blocks;  /* entries of one table */
    uint32_t *table;  /* (branches, layers, blocks) page or KV_NO_PAGE; owned */
    uint32_t *refs;   /* (layers, pages) tables that hold the page; owned */
    uint32_t *free;   /* (layers, pages) stack of free pages; owned */
    uint32_t *n_free; /* (layers); owned */
    bool *used;       /* (branches); owned */
};

static uint32_t *table_of(const struct kv *kv, uint32_t branch, uint32_t layer)
{
    return kv->table + ((size_t)branch * kv->params.layers + layer) * kv->blocks;
}

enum status kv_create(struct kv **out, const struct kv_params *params)
{
    const size_t layers = params->layers, pages = params->pages, branches = params->branches;
    struct kv *kv = calloc(1, sizeof(*kv));

    assert(layers > 0 && pages > 0 && branches > 0 && params->positions > 0);
    if (!kv)
        goto fail;
    kv->params = *params;
    kv->blocks = order_ceil(params->positions, KV_PAGE_POSITIONS);
    kv->table = calloc(branches * layers, kv->blocks * sizeof(*kv->table));
    kv->refs = calloc(layers * pages, sizeof(*kv->refs));
    kv->free = calloc(layers * pages, sizeof(*kv->free));
    kv->n_free = calloc(layers, sizeof(*kv->n_free));
    kv->used = calloc(branches, sizeof(*kv->used));
    if (!kv->table || !kv->refs || !kv->free || !kv->n_free || !kv->used)
        goto fail;
    memset(kv->table, 0xff, branches * layers * kv->blocks * sizeof(*kv->table));
    for (size_t layer = 0; layer < layers; layer++) {
        kv->n_free[layer] = params->pages;
        for (size_t i = 0; i < pages; i++)
            kv->free[layer * pages + i] = (uint32_t)(pages - 1 - i);
    }
    *out = kv;
    return STATUS_OK;
fail:
    log_error("kv: no host memory for page tables of %zu layers, %zu pages, %zu branches", layers,
              pages, branches);
    kv_destroy(&kv);
    return STATUS_MEMORY;
}

void kv_destroy(struct kv **kv)
{
    if (!*kv)
        return;
    free((*kv)->table);
    free((*kv)->refs);
    free((*kv)->free);
    free((*kv)->n_free);
    free((*kv)->used);
    free(*kv);
    *kv = NULL;
}

enum status kv_branch(struct kv *kv, uint32_t *out)
{
    for (uint32_t branch = 0; branch < kv->params.branches; branch++) {
        if (!kv->used[branch]) {
            kv->used[branch] = true;
            *out = branch;
            return STATUS_OK;
        }
    }
    log_error("kv: all %u branches are in use", kv->params.branches);
    return STATUS_MEMORY;
}

bool kv_holds(const struct kv *kv, uint32_t branch, uint32_t position)
{
    return branch < kv->params.branches && kv->used[branch] && position < kv->params.positions;
}

static void drop(struct kv *kv, uint32_t layer, uint32_t *entry)
{
    const size_t base = (size_t)layer * kv->params.pages;

    if (*entry == KV_NO_PAGE)
        return;
    assert(kv->refs[base + *entry] > 0);
    if (--kv->refs[base + *entry] == 0)
        kv->free[base + kv->n_free[layer]++] = *entry;
    *entry = KV_NO_PAGE;
}

void kv_cut(struct kv *kv, uint32_t branch, uint32_t positions)
{
    assert(branch < kv->params.branches && kv->used[branch]);
    const uint32_t keep = order_ceil(positions, KV_PAGE_POSITIONS);

    for (uint32_t layer = 0; layer < kv->params.layers; layer++) {
        for (uint32_t block = keep; block < kv->blocks; block++)
            drop(kv, layer, table_of(kv, branch, layer) + block);
    }
}

void kv_release(struct kv *kv, uint32_t branch)
{
    kv_cut(kv, branch, 0);
    kv->used[branch] = false;
}

void kv_share(struct kv *kv, const struct kv_share *share)
{
    const uint32_t last = share->layer + share->layer_count;

    assert(share->from != share->to);
    assert(share->from < kv->params.branches && kv->used[share->from]);
    assert(share->to < kv->params.branches && kv->used[share->to]);
    assert(last >= share->layer && last <= kv->params.layers);
    assert(share->positions <= kv->blocks * KV_PAGE_POSITIONS);
    for (uint32_t layer = share->layer; layer < last; layer++) {
        const uint32_t *from = table_of(kv, share->from, layer);
        uint32_t *to = table_of(kv, share->to, layer);
        for (uint32_t block = 0; block < kv->blocks; block++) {
            drop(kv, layer, to + block);
            if ((uint64_t)block * KV_PAGE_POSITIONS < share->positions &&
                from[block] != KV_NO_PAGE) {
                to[block] = from[block];
                kv->refs[(size_t)layer * kv->params.pages + to[block]]++;
            }
        }
    }
}

enum status kv_write(struct kv *kv, uint32_t branch, uint32_t layer, uint32_t position,
                     struct kv_slot *out)
{
    assert(kv_holds(kv, branch, position) && layer < kv->params.layers);
    const size_t base = (size_t)layer * kv->params.pages;
    uint32_t *entry = table_of(kv, branch, layer) + position / KV_PAGE_POSITIONS;

    out->copy_from = KV_NO_PAGE;
    if (*entry == KV_NO_PAGE || kv->refs[base + *entry] > 1) {
        if (kv->n_free[layer] == 0) {
            log_error("kv: layer %u has no free page for branch %u position %u, all %u are in use",
                      layer, branch, position, kv->params.pages);
            return STATUS_MEMORY;
        }
        out->copy_from = *entry;
        drop(kv, layer, entry);
        *entry = kv->free[base + --kv->n_free[layer]];
        kv->refs[base + *entry] = 1;
    }
    out->page = *entry;
    return STATUS_OK;
}

const uint32_t *kv_table(const struct kv *kv, uint32_t branch, uint32_t layer)
{
    assert(branch < kv->params.branches && layer < kv->params.layers);
    return table_of(kv, branch, layer);
}

uint32_t kv_pages_free(const struct kv *kv, uint32_t layer)
{
    assert(layer < kv->params.layers);
    return kv->n_free[layer];
}

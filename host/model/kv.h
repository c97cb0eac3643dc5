/* SPDX-License-Identifier: MIT */
/* Page tables of the KV cache: which page holds which positions of which branch, layer by layer.
 *
 * This is bookkeeping only; executors own the memory of the pages. A page holds NM_BLOCK positions
 * of one layer, K and V. Branches share pages; writing to a shared page takes a fresh one and asks
 * the executor to copy the old one first. */
#ifndef VKFI_MODEL_KV_H
#define VKFI_MODEL_KV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define KV_PAGE_POSITIONS 32u
#define KV_NO_PAGE UINT32_MAX

struct kv;

struct kv_params {
    uint32_t layers;
    uint32_t pages;     /* a layer; each layer has a pool of its own */
    uint32_t branches;  /* most branches at a time */
    uint32_t positions; /* most positions of a branch; rounded up to whole pages */
};

enum status kv_create(struct kv **out, const struct kv_params *params) STATUS_MUST_USE;
void kv_destroy(struct kv **kv);

/* Opens an empty branch; STATUS_MEMORY when all are in use. */
enum status kv_branch(struct kv *kv, uint32_t *out) STATUS_MUST_USE;

/* True if the branch is in use and may have that position. */
bool kv_holds(const struct kv *kv, uint32_t branch, uint32_t position);

/* Drops all pages of the branch and frees its number. */
void kv_release(struct kv *kv, uint32_t branch);

struct kv_share {
    uint32_t from, to;           /* branches */
    uint32_t layer, layer_count; /* layers shared */
    uint32_t positions;          /* those below are shared (of the last page perhaps a part) */
};

/* `to` drops its pages of these layers and sees those of `from`. */
void kv_share(struct kv *kv, const struct kv_share *share);

/* Forgets positions >= `positions` in all layers: pages wholly beyond are dropped. */
void kv_cut(struct kv *kv, uint32_t branch, uint32_t positions);

struct kv_slot {
    uint32_t page;      /* page that will hold the position, owned by this branch alone */
    uint32_t copy_from; /* page whose content must be copied into it first, or KV_NO_PAGE */
};

/* Makes (branch, layer, position) writable. STATUS_MEMORY when the layer's pool is empty. */
enum status kv_write(struct kv *kv, uint32_t branch, uint32_t layer, uint32_t position,
                     struct kv_slot *out) STATUS_MUST_USE;

/* Page of block `block` (position / 32), KV_NO_PAGE if none; the table is (positions / 32) words,
 * valid until the next call that changes the branch. */
const uint32_t *kv_table(const struct kv *kv, uint32_t branch, uint32_t layer);

uint32_t kv_pages_free(const struct kv *kv, uint32_t layer);

#endif

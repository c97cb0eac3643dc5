/* SPDX-License-Identifier: MIT */
/* The device's copy of the weights as pages, and sums of their words.
 *
 * A region is a piece of memory that holds one tensor, or one matrix of several; its units (tiles,
 * groups of rows) are what can be made from the file. Pages are pieces of WEIGHT_PAGE bytes of a
 * region, the last one perhaps shorter. Each device has its own layout, hence its own sums. */
#ifndef VKFI_MODEL_WEIGHT_PAGES_H
#define VKFI_MODEL_WEIGHT_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/gguf.h"

#define WEIGHT_PAGE 65536u

struct weight_region {
    uint64_t bytes;      /* a multiple of 4 but for a tensor's own bytes */
    uint32_t unit;       /* bytes of a unit; the last one may be shorter */
    uint32_t first_page; /* set by weight_pages_add */
    const void *item;    /* the executor's own: tensor, or matrix and part of it */
    uint32_t part;
};

struct weight_pages {
    struct weight_region *region; /* (n) owned */
    uint32_t n, room;
    uint32_t n_pages;
};

/* Over the 32-bit words w_i of a page, zeros after its end, modulo 2^64. The two show any one or
 * two flipped bits: the first differs, or the bits are of equal worth in two words, and the second
 * differs by 2 (i - j) 2^b. */
struct weight_sums {
    uint64_t sum;      /* sum of w_i */
    uint64_t weighted; /* sum of (2 i + 1) w_i */
};

static inline bool weight_sums_differ(const struct weight_sums *a, const struct weight_sums *b)
{
    return a->sum != b->sum || a->weighted != b->weighted;
}

/* Elements of a tensor that share a unit: all of the box of rows and elements of a row. */
struct weight_box {
    const struct tensor *tensor;
    uint64_t row, rows;
    uint32_t k, ks;
};

enum status weight_pages_add(struct weight_pages *pages,
                             const struct weight_region *region) STATUS_MUST_USE;
void weight_pages_finish(struct weight_pages *pages);

/* The region of a page, by number in `region`. */
uint32_t weight_pages_region(const struct weight_pages *pages, uint32_t page);

/* Bytes of a page, and of a unit of a region; where the page starts in its region. */
uint32_t weight_pages_bytes(const struct weight_pages *pages, uint32_t page);
uint32_t weight_pages_unit(const struct weight_region *region, uint32_t unit);
uint64_t weight_pages_at(const struct weight_pages *pages, uint32_t page);

/* Of at most WEIGHT_PAGE bytes. */
struct weight_sums weight_pages_sum(const uint8_t *bytes, size_t size);

#endif

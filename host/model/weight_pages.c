/* SPDX-License-Identifier: MIT */
/* The table of regions, and the sums of a page. */
#include "model/weight_pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define LANES 8u /* words side by side */

static uint32_t pages_of(const struct weight_region *region)
{
    return (uint32_t)((region->bytes + WEIGHT_PAGE - 1) / WEIGHT_PAGE);
}

enum status weight_pages_add(struct weight_pages *pages, const struct weight_region *region)
{
    if (pages->n == pages->room) {
        const uint32_t room = 2 * pages->room + 64;
        struct weight_region *all = realloc(pages->region, room * sizeof(*all));
        if (!all) {
            log_error("out of memory for %u regions of weights", room);
            return STATUS_MEMORY;
        }
        pages->region = all;
        pages->room = room;
    }
    struct weight_region *added = &pages->region[pages->n++];
    *added = *region;
    added->first_page = pages->n_pages;
    pages->n_pages += pages_of(region);
    return STATUS_OK;
}

void weight_pages_finish(struct weight_pages *pages)
{
    free(pages->region);
    *pages = (struct weight_pages){0};
}

uint32_t weight_pages_region(const struct weight_pages *pages, uint32_t page)
{
    uint32_t low = 0, high = pages->n;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        *(pages->region[middle].first_page <= page ? &low : &high) = middle;
    }
    return low;
}

uint64_t weight_pages_at(const struct weight_pages *pages, uint32_t page)
{
    const struct weight_region *region = &pages->region[weight_pages_region(pages, page)];
    return (uint64_t)(page - region->first_page) * WEIGHT_PAGE;
}

uint32_t weight_pages_bytes(const struct weight_pages *pages, uint32_t page)
{
    const uint64_t left =
        pages->region[weight_pages_region(pages, page)].bytes - weight_pages_at(pages, page);
    return left < WEIGHT_PAGE ? (uint32_t)left : WEIGHT_PAGE;
}

uint32_t weight_pages_unit(const struct weight_region *region, uint32_t unit)
{
    const uint64_t left = region->bytes - (uint64_t)unit * region->unit;
    return left < region->unit ? (uint32_t)left : region->unit;
}

/* Word i of a page is in lane i mod LANES, step j = i / LANES of m: sum j w_j = m A - T, with A the
 * lane's sum and T the sum of its sums after each step. No multiplications in the loop. */
struct weight_sums weight_pages_sum(const uint8_t *bytes, size_t size)
{
    uint64_t a[LANES] = {0}, t[LANES] = {0}, m = 0;
    struct weight_sums out = {0};

    for (; size > 0; m++) {
        uint32_t words[LANES] = {0};
        const size_t n = size < sizeof(words) ? size : sizeof(words);
        if (n == sizeof(words))
            memcpy(words, bytes, sizeof(words)); /* of known size: one load */
        else
            memcpy(words, bytes, n);
        for (uint32_t i = 0; i < LANES; i++) {
            a[i] += words[i];
            t[i] += a[i];
        }
        bytes += n;
        size -= n;
    }
    for (uint32_t i = 0; i < LANES; i++) {
        out.sum += a[i];
        out.weighted += (2 * i + 1) * a[i] + 2 * LANES * (m * a[i] - t[i]);
    }
    return out;
}

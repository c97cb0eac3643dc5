/* SPDX-License-Identifier: MIT */
/* Pages of weights from units: what the file gives for them, and their restoration. */
#include "model/executor_weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* The unit that was made last: neighbouring pages share it. */
struct image {
    struct executor *ex;
    uint8_t *bytes; /* (room) */
    uint32_t room, region, unit;
};

static enum status make_unit(struct image *image, uint32_t region, uint32_t unit)
{
    const struct weight_region *r = &image->ex->weights.region[region];
    if (image->bytes && image->region == region && image->unit == unit)
        return STATUS_OK;
    if (r->unit > image->room) {
        uint8_t *bytes = realloc(image->bytes, r->unit);
        if (!bytes) {
            log_error("out of memory for %u bytes of weights", r->unit);
            return STATUS_MEMORY;
        }
        image->bytes = bytes;
        image->room = r->unit;
    }
    image->region = region;
    image->unit = unit;
    return image->ex->ops->weights->make(image->ex, r, unit, image->bytes);
}

/* The first and last unit of a page. */
struct units {
    uint32_t region, first, last;
};

static struct units units_of(const struct executor *ex, uint32_t page)
{
    const struct weight_pages *pages = &ex->weights;
    const uint32_t region = weight_pages_region(pages, page);
    const uint64_t at = weight_pages_at(pages, page);
    const uint32_t unit = pages->region[region].unit;
    return (struct units){region, (uint32_t)(at / unit),
                          (uint32_t)((at + weight_pages_bytes(pages, page) - 1) / unit)};
}

static enum status make_page(struct image *image, uint32_t page, uint8_t *out)
{
    const struct weight_pages *pages = &image->ex->weights;
    const struct units units = units_of(image->ex, page);
    const struct weight_region *region = &pages->region[units.region];
    const uint64_t begin = weight_pages_at(pages, page);
    const uint64_t end = begin + weight_pages_bytes(pages, page);
    enum status st = STATUS_OK;

    for (uint32_t unit = units.first; unit <= units.last && !st; unit++) {
        const uint64_t at = (uint64_t)unit * region->unit;
        const uint64_t from = at > begin ? at : begin;
        const uint64_t until = at + weight_pages_unit(region, unit);
        st = make_unit(image, units.region, unit);
        if (!st)
            memcpy(out + (from - begin), image->bytes + (from - at),
                   (until < end ? until : end) - from);
    }
    return st;
}

uint32_t executor_weights_pages(const struct executor *ex)
{
    return ex->weights.n_pages;
}

static enum status check_pages(const struct executor *ex, uint32_t first, uint32_t n)
{
    if (first < ex->weights.n_pages && n > 0 && n <= ex->weights.n_pages - first)
        return STATUS_OK;
    log_error("weights: found %u pages from %u on, expected them among %u", n, first,
              ex->weights.n_pages);
    return STATUS_USAGE;
}

enum status executor_weights_sums(struct executor *ex, uint32_t first, uint32_t n,
                                  struct weight_sums *out)
{
    const enum status st = check_pages(ex, first, n);
    for (uint32_t i = first; i < first + n && !st; i++) {
        const uint64_t bytes = weight_pages_bytes(&ex->weights, i);
        executor_work_sums(ex, 2 * ((bytes + 3) / sizeof(uint32_t)), bytes);
    }
    return st ? st : ex->ops->weights->sum(ex, first, n, out);
}

enum status executor_weights_expected(struct executor *ex, uint32_t first, uint32_t n,
                                      struct weight_sums *out)
{
    struct image image = {.ex = ex};
    enum status st = check_pages(ex, first, n);
    uint8_t *page = st ? NULL : malloc(WEIGHT_PAGE);
    if (!st && !page) {
        log_error("out of memory for a page of weights");
        st = STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n && !st; i++) {
        st = make_page(&image, first + i, page);
        if (!st)
            out[i] = weight_pages_sum(page, weight_pages_bytes(&ex->weights, first + i));
    }
    free(page);
    free(image.bytes);
    return st;
}

enum status executor_weights_restore(struct executor *ex, uint32_t page)
{
    struct image image = {.ex = ex};
    enum status st = check_pages(ex, page, 1);
    const struct units units = st ? (struct units){0} : units_of(ex, page);

    for (uint32_t unit = units.first; unit <= units.last && !st; unit++) {
        const struct weight_region *region = &ex->weights.region[units.region];
        struct executor_write write = {0};
        st = make_unit(&image, units.region, unit);
        if (!st)
            st = ex->ops->weights->put(ex, region, unit, image.bytes);
        for (uint32_t i = 0; !st && ex->ops->weights->box(ex, region, unit, i, &write.weights); i++)
            st = executor_wrote(ex, &write);
    }
    free(image.bytes);
    return st;
}

void executor_weights_tensors(const struct executor *ex, uint32_t page, bool *out)
{
    const struct units units = units_of(ex, page);
    const struct weight_region *region = &ex->weights.region[units.region];
    struct weight_box box;

    for (uint32_t unit = units.first; unit <= units.last; unit++) {
        for (uint32_t i = 0; ex->ops->weights->box(ex, region, unit, i, &box); i++)
            out[box.tensor->index] = true;
    }
}

/* Restores a page if its sums are not those of the file. */
static enum status repair_page(struct executor *ex, uint32_t page, uint32_t *count)
{
    struct weight_sums found, expected;
    enum status st = executor_weights_sums(ex, page, 1, &found);
    if (!st)
        st = executor_weights_expected(ex, page, 1, &expected);
    if (st || !weight_sums_differ(&found, &expected))
        return st;
    st = executor_weights_restore(ex, page);
    st = st ? st : executor_weights_sums(ex, page, 1, &found);
    *count += !st && !weight_sums_differ(&found, &expected);
    return st;
}

enum status executor_weights_repair(struct executor *ex, const struct tensor *tensor,
                                    uint32_t *out_count)
{
    const uint64_t n = gguf_tensor_count(ex->model->gguf);
    bool *held = malloc(n * sizeof(*held));
    enum status st = held ? STATUS_OK : STATUS_MEMORY;
    *out_count = 0;
    if (st)
        log_error("out of memory for %u tensors", (uint32_t)n);
    for (uint32_t page = 0; page < ex->weights.n_pages && !st; page++) {
        memset(held, 0, n * sizeof(*held));
        executor_weights_tensors(ex, page, held);
        if (held[tensor->index])
            st = repair_page(ex, page, out_count);
    }
    free(held);
    return st;
}

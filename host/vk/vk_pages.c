/* SPDX-License-Identifier: MIT */
/* Regions are parts of matrices and vectors; their pages are summed by a kernel. */
#include "vk/vk_pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/op.h"
#include "shared/sums.h"
#include "vk/vk_memory.h"

#define PAGES_VECTOR UINT32_MAX /* region.part */
#define PAGES_SUBMIT 2048u      /* pages summed at a time: 128 MiB */
#define PAGES_SECONDS 60.0

static const struct vk_matrix *matrix_of(const struct weight_region *region)
{
    return region->part == PAGES_VECTOR ? NULL : region->item;
}

static const struct vk_weight *vector_of(const struct vk *vk, const struct weight_region *region)
{
    const struct tensor *t = region->item;
    return &vk->weights.weights[t->index];
}

/* The slab, and the quad in it where the region starts. */
static struct gpu_buffer *place_of(const struct vk *vk, const struct weight_region *region,
                                   uint32_t *quad)
{
    const struct vk_matrix *m = matrix_of(region);
    const struct vk_weight *vector = m ? NULL : vector_of(vk, region);
    *quad = m ? m->parts[region->part].at : vector->at;
    return vk->weights.slabs[m ? m->parts[region->part].slab : vector->slab];
}

static enum status add_vector(struct vk *vk, const struct tensor *t)
{
    const uint32_t bytes = (uint32_t)t->dim[0] * 4;
    return weight_pages_add(
        &vk->base.weights,
        &(struct weight_region){.bytes = bytes, .unit = bytes, .item = t, .part = PAGES_VECTOR});
}

enum status vk_pages_init(struct vk *vk)
{
    const struct graph *graph = &vk->base.model->graph;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < vk->weights.n_matrices && !st; i++) {
        const struct vk_matrix *m = &vk->weights.matrices[i];
        for (uint32_t p = 0; p < m->n_parts && !st; p++)
            st = weight_pages_add(&vk->base.weights,
                                  &(struct weight_region){.bytes = (uint64_t)m->parts[p].tiles *
                                                                   m->pack.size * VK_QUAD,
                                                          .unit = m->pack.size * VK_QUAD,
                                                          .item = m,
                                                          .part = p});
    }
    for (uint32_t i = 0; i < graph->count && !st; i++) {
        const struct node *node = &graph->node[i];
        if (!op_has_gain(node->op))
            continue;
        st = add_vector(vk, node->weight);
        if (!st && node->bias)
            st = add_vector(vk, node->bias);
    }
    return st;
}

/* Pages first .. first + n - 1 of one region, to results from `dst` on. */
static enum status sum_run(struct vk *vk, const struct weight_region *region, uint32_t first,
                           uint32_t n, uint32_t dst)
{
    const uint32_t page_quads = WEIGHT_PAGE / VK_QUAD, skipped = (first - region->first_page);
    struct push_weight_sums push = {.page_quads = page_quads, .dst = dst};
    struct gpu_buffer *slab = place_of(vk, region, &push.src);
    push.src += skipped * page_quads;
    push.quads = order_ceil((uint32_t)(region->bytes / 4), 4) - skipped * page_quads;
    const struct vk_rec rec = {.vk = vk, .node = &vk->base.model->graph.node[0]};
    const struct vk_dispatch d = {.key = {.shader = VK_SHADER_WEIGHT_SUMS},
                                  .buffers = {vk->memory.verdicts, slab},
                                  .push = &push,
                                  .push_size = sizeof(push),
                                  .groups = {n, 1, 1}};

    return vk_dispatch(&rec, &d);
}

/* At most PAGES_SUBMIT pages. */
static enum status sum_some(struct vk *vk, uint32_t first, uint32_t n, struct weight_sums *out)
{
    const struct weight_pages *pages = &vk->base.weights;
    enum status st = vk_memory_verdicts(vk, n);

    if (!st)
        st = stream_begin(vk->stream);
    for (uint32_t i = 0; i < n && !st;) {
        const uint32_t index = weight_pages_region(pages, first + i);
        const uint32_t next =
            index + 1 < pages->n ? pages->region[index + 1].first_page : pages->n_pages;
        const uint32_t run = next - (first + i) < n - i ? next - (first + i) : n - i;
        st = sum_run(vk, &pages->region[index], first + i, run, i);
        i += run;
    }
    vk->dispatches += st ? 0 : stream_dispatch_count(vk->stream);
    if (!st)
        st = stream_pull(vk->stream, &(struct stream_span){vk->memory.verdicts, 0, n * VK_QUAD}, 1);
    if (!st)
        st = stream_submit(vk->stream);
    if (!st)
        st = stream_wait(vk->stream, PAGES_SECONDS);
    const uint32_t *words = st ? NULL : gpu_buffer_mapped(vk->memory.verdicts);
    for (uint32_t i = 0; i < n && !st; i++, words += 4)
        out[i] = (struct weight_sums){(uint64_t)words[1] << 32 | words[0],
                                      (uint64_t)words[3] << 32 | words[2]};
    return st;
}

static enum status sum(struct executor *ex, uint32_t first, uint32_t n, struct weight_sums *out)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i += PAGES_SUBMIT)
        st = sum_some((struct vk *)ex, first + i, n - i < PAGES_SUBMIT ? n - i : PAGES_SUBMIT,
                      out + i);
    return st;
}

/* Bytes of the longest row of the matrix's tensors. */
static size_t row_room(const struct vk_matrix *m)
{
    const size_t bytes = quant_row_bytes(m->pack.type, m->pack.width);
    return bytes > 4 ? bytes : 4;
}

static enum status make(const struct executor *ex, const struct weight_region *region,
                        uint32_t unit, uint8_t *out)
{
    const struct vk *vk = (const struct vk *)ex;
    const struct vk_matrix *m = matrix_of(region);

    if (!m)
        return gguf_stored(ex->model->gguf, region->item, 0, out, region->unit);
    struct vk_row_source from = {.gguf = ex->model->gguf, .room = malloc(row_room(m))};
    uint32_t *words = malloc(region->unit);
    if (!from.room || !words) {
        log_error("vk: no host memory for a tile of %u bytes", region->unit);
        from.st = STATUS_MEMORY;
    } else {
        vk_weights_pack(&vk->weights, m, &from,
                        (struct vk_tiles){words, m->parts[region->part].tile0 + unit, 1});
        memcpy(out, words, region->unit);
    }
    free(words);
    free(from.room);
    return from.st;
}

static enum status put(struct executor *ex, const struct weight_region *region, uint32_t unit,
                       const uint8_t *bytes)
{
    uint32_t quad;
    struct gpu_buffer *slab = place_of((struct vk *)ex, region, &quad);
    return gpu_buffer_write(slab, (uint64_t)quad * VK_QUAD + (uint64_t)unit * region->unit, bytes,
                            region->unit);
}

/* The part of a tensor in rows row0 .. row0 + 31 of its matrix; false: none. */
static bool box_in(const struct vk_weight *at, const struct tensor *t, uint64_t row0,
                   struct weight_box *out)
{
    const uint64_t rows = at->is_bias ? t->dim[0] : t->dim[1];
    const uint64_t begin = row0 > at->row0 ? row0 - at->row0 : 0;
    const uint64_t end = row0 + TILE_ROWS > at->row0 ? row0 + TILE_ROWS - at->row0 : 0;
    const uint64_t until = end < rows ? end : rows;

    if (begin >= until)
        return false;
    *out = at->is_bias
               ? (struct weight_box){.tensor = t,
                                     .rows = 1,
                                     .k = (uint32_t)begin,
                                     .ks = (uint32_t)(until - begin)}
               : (struct weight_box){
                     .tensor = t, .row = begin, .rows = until - begin, .ks = (uint32_t)t->dim[0]};
    return true;
}

static bool box(const struct executor *ex, const struct weight_region *region, uint32_t unit,
                uint32_t i, struct weight_box *out)
{
    const struct vk *vk = (const struct vk *)ex;
    const struct vk_matrix *m = matrix_of(region);
    const struct tensor *tensors = gguf_tensors(ex->model->gguf);
    const uint64_t n = gguf_tensor_count(ex->model->gguf);

    if (!m) {
        const struct tensor *t = region->item;
        *out = (struct weight_box){.tensor = t, .rows = 1, .ks = (uint32_t)t->dim[0]};
        return i == 0;
    }
    const uint64_t row0 = (uint64_t)(m->parts[region->part].tile0 + unit) * TILE_ROWS;
    for (uint64_t t = 0; t < n; t++) {
        const struct vk_weight *at = &vk->weights.weights[t];
        if (at->matrix == m && box_in(at, &tensors[t], row0, out) && i-- == 0)
            return true;
    }
    return false;
}

const struct executor_weight_ops vk_pages_ops = {.sum = sum, .make = make, .put = put, .box = box};

/* SPDX-License-Identifier: MIT */
/* Units of 16 rows, in tiles or as mapped. */
#include "cpu/cpu_pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpu/cpu_pack.h"

static const struct cpu_weight *weight_of(const struct weight_region *region)
{
    return region->item;
}

static uint8_t *bytes_of(const struct weight_region *region)
{
    const struct cpu_weight *w = weight_of(region);
    return w->tiles ? w->tiles : w->tensor->data;
}

/* Adds each tensor once; biases have no tiles. */
static enum status add(struct cpu *cpu, const struct tensor *t, bool *added)
{
    if (!t || added[t->index])
        return STATUS_OK;
    struct cpu_weight *w = &cpu->weights[t->index];
    added[t->index] = true;
    w->tensor = t;
    return weight_pages_add(
        &cpu->base.weights,
        &(struct weight_region){
            .bytes = w->tiles ? order_ceil((uint32_t)t->dim[1], CPU_TILE) * w->tile_bytes : t->size,
            .unit = (uint32_t)(w->tiles ? w->tile_bytes
                                        : CPU_TILE * quant_row_bytes(t->type, t->dim[0])),
            .item = w});
}

enum status cpu_pages_init(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    bool *added = calloc(gguf_tensor_count(cpu->base.model->gguf), sizeof(*added));
    enum status st = STATUS_OK;

    if (!added) {
        log_error("cpu: no host memory for the regions of weights");
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < graph->count && !st; i++) {
        st = add(cpu, graph->node[i].weight, added);
        if (!st)
            st = add(cpu, graph->node[i].bias, added);
    }
    free(added);
    return st;
}

static enum status sum(struct executor *ex, uint32_t first, uint32_t n, struct weight_sums *out)
{
    const struct cpu *cpu = (const struct cpu *)ex;
    const struct weight_pages *pages = &ex->weights;

#pragma omp parallel for num_threads((int)(cpu->threads < n ? cpu->threads : n))
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t page = first + i;
        const struct weight_region *region = &pages->region[weight_pages_region(pages, page)];
        out[i] = weight_pages_sum(bytes_of(region) + weight_pages_at(pages, page),
                                  weight_pages_bytes(pages, page));
    }
    return STATUS_OK;
}

/* The rows of a unit. */
static struct weight_box box_of(const struct weight_region *region, uint32_t unit)
{
    const struct tensor *t = weight_of(region)->tensor;
    const uint64_t row = (uint64_t)unit * CPU_TILE, left = t->dim[1] - row;
    return (struct weight_box){.tensor = t,
                               .row = row,
                               .rows = left < CPU_TILE ? left : CPU_TILE,
                               .ks = (uint32_t)t->dim[0]};
}

static enum status make(const struct executor *ex, const struct weight_region *region,
                        uint32_t unit, uint8_t *out)
{
    const struct weight_box box = box_of(region, unit);
    const size_t row = quant_row_bytes(box.tensor->type, box.tensor->dim[0]);
    const bool packed = weight_of(region)->tiles != NULL;
    uint8_t *rows = packed ? malloc(box.rows * row) : out;

    if (!rows) {
        log_error("cpu: no host memory for %u rows of a weight", CPU_TILE);
        return STATUS_MEMORY;
    }
    const enum status st =
        gguf_stored(ex->model->gguf, box.tensor, box.row * row, rows, box.rows * row);
    if (!packed)
        return st;
    memset(out, 0, region->unit);
    for (uint32_t lane = 0; lane < box.rows && !st; lane++)
        cpu_pack_put_row(box.tensor, out, lane, rows + lane * row);
    free(rows);
    return st;
}

static enum status put(struct executor *ex, const struct weight_region *region, uint32_t unit,
                       const uint8_t *bytes)
{
    (void)ex;
    memcpy(bytes_of(region) + (uint64_t)unit * region->unit, bytes,
           weight_pages_unit(region, unit));
    return STATUS_OK;
}

static bool box(const struct executor *ex, const struct weight_region *region, uint32_t unit,
                uint32_t i, struct weight_box *out)
{
    (void)ex;
    *out = box_of(region, unit);
    return i == 0;
}

const struct executor_weight_ops cpu_pages_ops = {.sum = sum, .make = make, .put = put, .box = box};

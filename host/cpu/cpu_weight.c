/* SPDX-License-Identifier: MIT */
/* Weights where a form reads them: rows in the mapping, or packed tiles of its own. */
#include "cpu/cpu_weight.h"

#include <string.h>

#include "cpu/cpu_pack.h"
#include "shared/hook.h"

#define CPU_WEIGHT_RELEASE ((size_t)32 << 20) /* packed bytes after which file pages are let go */

static enum status pack(struct cpu *cpu, struct cpu_weight *weight, const struct tensor *tensor)
{
    const uint32_t tiles = cpu_ceil((uint32_t)tensor->dim[1], CPU_TILE);

    weight->tile_bytes = cpu_pack_tile_bytes(tensor->type, tensor->dim[0]);
    weight->tiles = cpu_memory(cpu, tiles, weight->tile_bytes);
    if (!weight->tiles)
        return STATUS_MEMORY;
    cpu->weight_bytes += tiles * weight->tile_bytes;
#pragma omp parallel for schedule(static) num_threads(cpu->threads)
    for (uint32_t tile = 0; tile < tiles; tile++)
        cpu_pack_tile(tensor, tile, weight->tiles + tile * weight->tile_bytes);
    return STATUS_OK;
}

enum status cpu_weight_load(struct cpu *cpu)
{
    const struct model *model = cpu->base.model;
    enum status st = STATUS_OK;
    size_t packed = 0;

    cpu->weights = cpu_memory(cpu, gguf_tensor_count(model->gguf), sizeof(*cpu->weights));
    if (!cpu->weights)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < model->graph.count && st == STATUS_OK; i++) {
        const struct node *node = &model->graph.node[i];
        if (!node->weight)
            continue;
        struct cpu_weight *weight = &cpu->weights[node->weight->index];
        weight->tensor = node->weight;
        if (node->op != OP_LINEAR || weight->tiles)
            continue;
        if (cpu->form == CPU_SCALAR) {
            cpu->weight_bytes += node->weight->size;
            continue;
        }
        st = pack(cpu, weight, node->weight);
        packed += node->weight->size;
        if (packed >= CPU_WEIGHT_RELEASE) {
            gguf_release(model->gguf);
            packed = 0;
        }
    }
    if (cpu->form != CPU_SCALAR)
        gguf_release(model->gguf);
    return st;
}

const float *cpu_weight_floats(const struct tensor *tensor)
{
    /* The loader has checked the type, and GGUF alignment is a multiple of a float's. */
    return (const float *)(const void *)tensor->data;
}

const uint8_t *cpu_weight_row(const struct cpu_weight *weight, uint64_t row, uint8_t *room)
{
    const struct tensor *t = weight->tensor;

    if (!weight->tiles)
        return t->data + row * quant_row_bytes(t->type, t->dim[0]);
    cpu_pack_row(t, weight->tiles + row / CPU_TILE * weight->tile_bytes, row % CPU_TILE, room);
    return room;
}

void cpu_weight_decode(const struct cpu_weight *weight, const uint8_t *row, struct quant_block *out)
{
    const struct tensor *t = weight->tensor;

    for (uint64_t b = 0; b * NM_BLOCK < t->dim[0]; b++)
        quant_decode(t->type, row, t->dim[0], b, &out[b]);
}

void cpu_weight_edit(struct cpu_weight *weight, const struct weight_site *site,
                     struct hook_data *data, uint8_t *room)
{
    const struct tensor *t = site->tensor;
    const size_t row_bytes = quant_row_bytes(t->type, t->dim[0]);
    uint8_t *row = t->data + site->row * row_bytes;

    if (weight->tiles) {
        cpu_weight_row(weight, site->row, room);
        row = room;
    }
    data->before = quant_field_read(t->type, row, site->k, site->field);
    quant_field_write(t->type, row, site->k, site->field,
                      hook_edit(data->before, data->and_mask, data->or_mask, data->xor_mask));
    if (weight->tiles) {
        cpu_pack_put_row(t, weight->tiles + site->row / CPU_TILE * weight->tile_bytes,
                         site->row % CPU_TILE, row);
        cpu_weight_row(weight, site->row, room);
    }
    data->after = quant_field_read(t->type, row, site->k, site->field);
    data->count = 1;
}

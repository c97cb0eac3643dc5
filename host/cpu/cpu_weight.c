/* SPDX-License-Identifier: MIT */
/* Weights where a form reads them: rows in the mapping, or packed tiles of its own. */
#include "cpu/cpu_weight.h"

#include <omp.h>
#include <string.h>

#include "cpu/cpu_pack.h"
#include "shared/hook.h"

#define CPU_WEIGHT_BATCH ((size_t)32 << 20) /* bytes packed before file pages are released */

static enum status make_room(struct cpu *cpu, struct cpu_weight *weight)
{
    const struct tensor *t = weight->tensor;
    const size_t tiles = order_ceil((uint32_t)t->dim[1], CPU_TILE);

    weight->tile_bytes = cpu_pack_tile_bytes(t->type, t->dim[0]);
    weight->tiles = cpu_memory(cpu, tiles, weight->tile_bytes);
    cpu->weight_bytes += tiles * weight->tile_bytes;
    return weight->tiles ? STATUS_OK : STATUS_MEMORY;
}

/* Tiles to pack before the file's pages are released. */
struct piece {
    const struct cpu_weight *weight;
    uint32_t begin, end;
};

struct batch {
    const struct cpu *cpu;
    struct piece *pieces; /* (graph.count) */
    uint32_t n;
    size_t bytes;
};

/* This thread's share of a piece. */
static void pack(const struct piece *piece)
{
    const struct cpu_weight *w = piece->weight;
    const uint64_t tiles = piece->end - piece->begin;
    const uint64_t thread = (uint64_t)omp_get_thread_num();
    const uint64_t threads = (uint64_t)omp_get_num_threads();
    const uint64_t end = piece->begin + tiles * (thread + 1) / threads;

    for (uint64_t tile = piece->begin + tiles * thread / threads; tile < end; tile++)
        cpu_pack_tile(w->tensor, (uint32_t)tile, w->tiles + tile * w->tile_bytes);
}

static void flush(struct batch *batch)
{
#pragma omp parallel num_threads((int)batch->cpu->threads)
    for (uint32_t i = 0; i < batch->n; i++)
        pack(&batch->pieces[i]);
    gguf_release(batch->cpu->base.model->gguf);
    batch->n = 0;
    batch->bytes = 0;
}

/* The tiles of a weight, in pieces that fit the batches. */
static void add_weight(struct batch *batch, const struct cpu_weight *w)
{
    const uint32_t tiles = order_ceil((uint32_t)w->tensor->dim[1], CPU_TILE);

    for (uint32_t tile = 0; tile < tiles;) {
        const size_t room = (CPU_WEIGHT_BATCH - batch->bytes) / w->tile_bytes + 1;
        const uint32_t n = tiles - tile < room ? tiles - tile : (uint32_t)room;
        batch->pieces[batch->n++] = (struct piece){w, tile, tile + n};
        batch->bytes += n * w->tile_bytes;
        tile += n;
        if (batch->bytes >= CPU_WEIGHT_BATCH)
            flush(batch);
    }
}

static enum status pack_all(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    struct batch batch = {.cpu = cpu,
                          .pieces = cpu_memory(cpu, graph->count, sizeof(*batch.pieces))};

    if (!batch.pieces)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < graph->count; i++) {
        const struct node *node = &graph->node[i];
        const bool matrix = node->op == OP_LINEAR || node->op == OP_EXPERTS;
        if (!matrix || cpu->weights[node->weight->index].tiles)
            continue;
        struct cpu_weight *weight = &cpu->weights[node->weight->index];
        if (make_room(cpu, weight) != STATUS_OK)
            return STATUS_MEMORY;
        add_weight(&batch, weight);
    }
    flush(&batch);
    return STATUS_OK;
}

/* Room for the largest tile in each thread's memory. */
static enum status make_tiles(struct cpu *cpu)
{
    const struct graph *graph = &cpu->base.model->graph;
    size_t most = 0;

    for (uint32_t i = 0; i < graph->count; i++) {
        const struct tensor *t = graph->node[i].weight;
        const size_t bytes = t ? cpu_pack_tile_bytes(t->type, t->dim[0]) : 0;
        most = bytes > most ? bytes : most;
    }
    for (uint32_t t = 0; t <= cpu->threads; t++) {
        cpu->scratch[t].tile = cpu_memory(cpu, 1, most);
        if (!cpu->scratch[t].tile)
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

/* Denormals of stored f32 and bf16: an input that DAZ reads as zero raises no flag (NUMERICS.md 5).
 * Other types have no such small values. */
static bool holds_denormal(const struct tensor *t)
{
    const size_t size = t && t->type == QUANT_F32 ? 4 : t && t->type == QUANT_BF16 ? 2 : 0;
    bool found = false;

    for (uint64_t at = 0; size && at < t->size; at += size) {
        uint32_t bits = 0;
        memcpy((uint8_t *)&bits + (4 - size), t->data + at, size);
        found |= (bits & 0x7fffffff) - 1 < 0x7fffff;
    }
    return found;
}

enum status cpu_weight_load(struct cpu *cpu)
{
    const struct model *model = cpu->base.model;

    cpu->weights = cpu_memory(cpu, gguf_tensor_count(model->gguf), sizeof(*cpu->weights));
    if (!cpu->weights)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < model->graph.count; i++) {
        const struct tensor *t = model->graph.node[i].weight;
        if (!t || cpu->weights[t->index].tensor)
            continue;
        cpu->weights[t->index].tensor = t;
        cpu->denormal |= holds_denormal(t) || holds_denormal(model->graph.node[i].bias);
        if (cpu->mapped)
            cpu->weight_bytes += t->size;
    }
    if (!cpu->mapped)
        return pack_all(cpu);
    return cpu->form == CPU_SCALAR ? STATUS_OK : make_tiles(cpu);
}

const uint8_t *cpu_weight_tile(const struct cpu_weight *weight, uint32_t tile, uint8_t *room)
{
    const struct tensor *t = weight->tensor;

    if (weight->tiles)
        return weight->tiles + tile * weight->tile_bytes;
    /* Lanes behind the last row would compute with an earlier tile's rows, and raise flags. */
    if (t->dim[1] - (uint64_t)tile * CPU_TILE < CPU_TILE)
        memset(room, 0, cpu_pack_tile_bytes(t->type, t->dim[0]));
    cpu_pack_tile(t, tile, room);
    return room;
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
    quant_field_write(t->type, row, site->k, site->field, hook_edit(*data, 0, data->before, 0));
    if (weight->tiles) {
        cpu_pack_put_row(t, weight->tiles + site->row / CPU_TILE * weight->tile_bytes,
                         site->row % CPU_TILE, row);
        cpu_weight_row(weight, site->row, room);
    }
    data->after = quant_field_read(t->type, row, site->k, site->field);
    data->count = 1;
}

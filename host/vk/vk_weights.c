/* SPDX-License-Identifier: MIT */
/* Places, packs and uploads each tensor. */
#include "vk/vk_weights.h"
#include "vk/vk_memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/op.h"
#include "shared/push.h"

#define WEIGHTS_QUAD 16u
#define WEIGHTS_CHUNK (4u << 20) /* bytes packed between uploads */
#define WEIGHTS_CHUNKS 4u        /* uploaded before the file's pages are released */
#define WEIGHTS_SLAB_MAX (1ull << 30)

static const struct graph *graph_of(const struct vk_weights *w)
{
    return &w->model->graph;
}

/* Whole tiles that end where the next register begins. */
static bool fills_register(const struct hparams *hp, const struct node *node)
{
    return node->rows % TILE_ROWS == 0 && node->rows == graph_reg_width(hp, node->out, 0);
}

/* How many LINEAR nodes from `i` on fit in one matrix. */
static uint32_t merge_count(const struct model *model, uint32_t i)
{
    const struct graph *graph = &model->graph;
    const struct node *first = &graph->node[i];
    uint32_t n = 1;

    while (first->out != REG_L && i + n < graph->count) {
        const struct node *node = &graph->node[i + n];
        if (node->op != OP_LINEAR || node->in != first->in || node->out == REG_L ||
            node->weight->type != first->weight->type || node->width != first->width ||
            !node->bias != !first->bias || !fills_register(&model->hp, &node[-1]) ||
            node->out != first->out + (enum reg)n)
            break;
        n++;
    }
    return n;
}

/* Places units of `unit` quads: as many as fit, at least one, in the last slab or a new one. */
static enum status place(struct vk_weights *w, uint32_t unit, uint32_t units, struct vk_part *out)
{
    const struct gpu_info *info = gpu_get_info(w->gpu);
    uint64_t most =
        info->max_storage_range < info->max_alloc ? info->max_storage_range : info->max_alloc;
    most = (most < WEIGHTS_SLAB_MAX ? most : WEIGHTS_SLAB_MAX) / WEIGHTS_QUAD;
    if (unit > most) {
        log_error("%s: a weight needs %" PRIu64 " bytes in one piece, at most %" PRIu64
                  " fit a binding",
                  info->name, (uint64_t)unit * WEIGHTS_QUAD, most * WEIGHTS_QUAD);
        return STATUS_DEVICE_MEMORY;
    }
    if (w->n_slabs == 0 || w->slab_quads[w->n_slabs - 1] + unit > most) {
        uint64_t *sizes = realloc(w->slab_quads, (w->n_slabs + 1) * sizeof(*sizes));
        if (!sizes) {
            log_error("vk: no host memory for %" PRIu32 " weight buffers", w->n_slabs + 1);
            return STATUS_MEMORY;
        }
        w->slab_quads = sizes;
        w->slab_quads[w->n_slabs++] = 0;
    }
    uint64_t *used = &w->slab_quads[w->n_slabs - 1];
    const uint64_t room = (most - *used) / unit;
    out->slab = w->n_slabs - 1;
    out->at = (uint32_t)*used;
    out->tiles = room < units ? (uint32_t)room : units;
    *used += (uint64_t)out->tiles * unit;
    return STATUS_OK;
}

static enum status place_matrix(struct vk_weights *w, struct vk_matrix *m)
{
    const uint32_t tiles = order_ceil(m->rows, TILE_ROWS);

    for (uint32_t tile = 0; tile < tiles;) {
        struct vk_part *parts = realloc(m->parts, (m->n_parts + 1) * sizeof(*parts));
        if (!parts) {
            log_error("vk: no host memory for %" PRIu32 " parts of a matrix", m->n_parts + 1);
            return STATUS_MEMORY;
        }
        m->parts = parts;
        struct vk_part *part = &parts[m->n_parts];
        const enum status st = place(w, m->pack.size, tiles - tile, part);
        if (st)
            return st;
        part->tile0 = tile;
        tile += part->tiles;
        m->n_parts++;
    }
    return STATUS_OK;
}

static struct vk_weight *weight_of(const struct vk_weights *w, const struct tensor *t)
{
    return &w->weights[t->index];
}

static enum status plan_matrix(struct vk_weights *w, uint32_t i, uint32_t merged)
{
    const struct node *node = &graph_of(w)->node[i];
    struct vk_matrix *m = &w->matrices[w->n_matrices++];

    m->pack = vk_pack_layout(node->weight->type, node->width, node->bias != NULL);
    for (uint32_t j = 0; j < merged; j++) {
        const struct node *part = &node[j];
        *weight_of(w, part->weight) = (struct vk_weight){.matrix = m, .row0 = m->rows};
        if (part->bias)
            *weight_of(w, part->bias) =
                (struct vk_weight){.matrix = m, .row0 = m->rows, .is_bias = true};
        w->plan[i + j] =
            (struct vk_linear_plan){.matrix = m, .row0 = m->rows, .merged = j == 0 ? merged : 0};
        m->rows += (uint32_t)part->weight->dim[1];
    }
    return place_matrix(w, m);
}

/* The gain of a norm and, in the same slab, its bias. */
static enum status plan_vectors(struct vk_weights *w, const struct node *node)
{
    const uint32_t quads = order_ceil((uint32_t)node->weight->dim[0], 4);
    struct vk_part part;
    const enum status st = place(w, node->bias ? 2 * quads : quads, 1, &part);

    if (st)
        return st;
    *weight_of(w, node->weight) = (struct vk_weight){.slab = part.slab, .at = part.at};
    if (node->bias)
        *weight_of(w, node->bias) = (struct vk_weight){.slab = part.slab, .at = part.at + quads};
    return STATUS_OK;
}

static enum status plan_all(struct vk_weights *w)
{
    const struct graph *graph = graph_of(w);
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < graph->count && !st; i++) {
        const struct node *node = &graph->node[i];
        if (op_has_gain(node->op)) {
            st = plan_vectors(w, node);
        } else if (node->op == OP_EMBED || node->op == OP_EXPERTS) {
            st = plan_matrix(w, i, 1);
        } else if (node->op == OP_LINEAR && weight_of(w, node->weight)->matrix) {
            /* shared with the embedding */
            w->plan[i] =
                (struct vk_linear_plan){.matrix = weight_of(w, node->weight)->matrix, .merged = 1};
        } else if (node->op == OP_LINEAR) {
            const uint32_t merged = w->separate ? 1 : merge_count(w->model, i);
            st = plan_matrix(w, i, merged);
            i += merged - 1;
        }
    }
    return st;
}

static enum status create_slabs(struct vk_weights *w)
{
    enum status st = STATUS_OK;

    w->slabs = calloc(w->n_slabs, sizeof(struct gpu_buffer *));
    if (!w->slabs) {
        log_error("vk: no host memory for %" PRIu32 " weight buffers", w->n_slabs);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < w->n_slabs && !st; i++) {
        st = gpu_buffer_create(&w->slabs[i], w->gpu, GPU_BUFFER_STORAGE,
                               w->slab_quads[i] * WEIGHTS_QUAD, "weights");
        w->bytes += w->slab_quads[i] * WEIGHTS_QUAD;
    }
    return st;
}

/* A row in the mapping, or as the file has it. */
static const uint8_t *row_of(struct vk_row_source *from, const struct tensor *t, uint64_t row,
                             size_t bytes)
{
    if (!from->room)
        return t->data + row * bytes;
    if (!from->st)
        from->st = gguf_stored(from->gguf, t, row * bytes, from->room, bytes);
    return from->room;
}

/* Rows of one tensor into tiles that lie in `words`, tile `tile0` of the matrix first. */
static void pack_tensor(const struct vk_weight *at, const struct tensor *t,
                        struct vk_row_source *from, struct vk_tiles tiles)
{
    const struct vk_matrix *m = at->matrix;
    const size_t row_bytes = at->is_bias ? 4 : quant_row_bytes(t->type, t->dim[0]);
    const uint64_t rows = at->is_bias ? t->dim[0] : t->dim[1];

    for (uint32_t tile = 0; tile < tiles.n; tile++) {
        uint32_t *to = tiles.words + (size_t)tile * m->pack.size * 4;
        for (uint32_t r = 0; r < TILE_ROWS; r++) {
            const uint64_t row = (uint64_t)(tiles.first + tile) * TILE_ROWS + r;
            if (row < at->row0 || row - at->row0 >= rows)
                continue;
            const uint8_t *stored = row_of(from, t, row - at->row0, row_bytes);
            if (at->is_bias)
                memcpy(to + m->pack.bias_at * 4 + r, stored, 4);
            else
                vk_pack_row(&m->pack, to, r, stored);
        }
    }
}

void vk_weights_pack(const struct vk_weights *w, const struct vk_matrix *m,
                     struct vk_row_source *from, struct vk_tiles tiles)
{
    const struct tensor *tensors = gguf_tensors(w->model->gguf);
    const uint64_t n = gguf_tensor_count(w->model->gguf);

    memset(tiles.words, 0, (size_t)tiles.n * m->pack.size * WEIGHTS_QUAD);
    for (uint64_t i = 0; i < n; i++) {
        if (w->weights[i].matrix == m)
            pack_tensor(&w->weights[i], &tensors[i], from, tiles);
    }
}

static enum status upload_matrix(const struct vk_weights *w, const struct vk_matrix *m,
                                 uint32_t *words)
{
    const uint32_t tile_bytes = m->pack.size * WEIGHTS_QUAD;
    const uint32_t most = tile_bytes > WEIGHTS_CHUNK ? 1 : WEIGHTS_CHUNK / tile_bytes;
    uint32_t chunks = 0;
    enum status st = STATUS_OK;

    for (uint32_t p = 0; p < m->n_parts; p++) {
        const struct vk_part *part = &m->parts[p];
        for (uint32_t done = 0; done < part->tiles && !st;) {
            const uint32_t n = part->tiles - done < most ? part->tiles - done : most;
            vk_weights_pack(w, m, &(struct vk_row_source){0},
                            (struct vk_tiles){words, part->tile0 + done, n});
            st = gpu_buffer_write(w->slabs[part->slab],
                                  (uint64_t)part->at * WEIGHTS_QUAD + (uint64_t)done * tile_bytes,
                                  words, (uint64_t)n * tile_bytes);
            done += n;
            if (++chunks % WEIGHTS_CHUNKS == 0) /* one copy of the weights is enough in memory */
                gguf_release(w->model->gguf);
        }
    }
    gguf_release(w->model->gguf);
    return st;
}

static enum status upload_vector(const struct vk_weights *w, const struct tensor *t)
{
    const struct vk_weight *at = &w->weights[t->index];

    return gpu_buffer_write(w->slabs[at->slab], (uint64_t)at->at * WEIGHTS_QUAD, t->data,
                            t->dim[0] * 4);
}

static enum status upload_all(struct vk_weights *w)
{
    const struct graph *graph = graph_of(w);
    uint32_t chunk = WEIGHTS_CHUNK;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < w->n_matrices; i++) {
        if (w->matrices[i].pack.size * WEIGHTS_QUAD > chunk)
            chunk = w->matrices[i].pack.size * WEIGHTS_QUAD;
    }
    uint32_t *words = malloc(chunk);
    if (!words) {
        log_error("vk: no host memory for %" PRIu32 " bytes of packed weights", chunk);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < w->n_matrices && !st; i++)
        st = upload_matrix(w, &w->matrices[i], words);
    for (uint32_t i = 0; i < graph->count && !st; i++) {
        const struct node *node = &graph->node[i];
        if (!op_has_gain(node->op))
            continue;
        st = upload_vector(w, node->weight);
        if (!st && node->bias)
            st = upload_vector(w, node->bias);
    }
    free(words);
    return st;
}

enum status vk_weights_init(struct vk_weights *out, struct gpu *gpu,
                            const struct executor_params *params)
{
    const struct model *model = params->model;
    const uint64_t tensors = gguf_tensor_count(model->gguf);
    enum status st = STATUS_MEMORY;

    *out = (struct vk_weights){.gpu = gpu, .model = model, .separate = params->separate};
    out->weights = calloc(tensors, sizeof(*out->weights));
    out->plan = calloc(model->graph.count, sizeof(*out->plan));
    out->matrices = calloc(model->graph.count, sizeof(*out->matrices));
    if (!out->weights || !out->plan || !out->matrices) {
        log_error("vk: no host memory for the places of %" PRIu64 " tensors", tensors);
        goto fail;
    }
    st = plan_all(out);
    if (!st)
        st = create_slabs(out);
    if (!st)
        st = upload_all(out);
    if (!st)
        return st;
fail:
    vk_weights_finish(out);
    return st;
}

void vk_weights_finish(struct vk_weights *weights)
{
    for (uint32_t i = 0; weights->slabs && i < weights->n_slabs; i++)
        gpu_buffer_destroy(&weights->slabs[i]);
    for (uint32_t i = 0; weights->matrices && i < weights->n_matrices; i++)
        free(weights->matrices[i].parts);
    free(weights->slabs);
    free(weights->slab_quads);
    free(weights->matrices);
    free(weights->weights);
    free(weights->plan);
    *weights = (struct vk_weights){0};
}

const struct vk_part *vk_weights_part(const struct vk_matrix *matrix, uint32_t tile)
{
    const struct vk_part *part = matrix->parts;

    while (tile >= part->tile0 + part->tiles)
        part++;
    assert(part < matrix->parts + matrix->n_parts);
    return part;
}

/* Unpacks the row of the site from its tile, edits it, packs it again. */
static enum status edit_row(struct vk_weights *w, const struct weight_site *site,
                            struct hook_data *data)
{
    const struct tensor *t = site->tensor;
    const struct vk_weight *at = weight_of(w, t);
    const struct vk_pack *pack = &at->matrix->pack;
    const uint32_t row = at->row0 + (uint32_t)site->row, r = row % TILE_ROWS;
    const struct vk_part *part = vk_weights_part(at->matrix, row / TILE_ROWS);
    const uint64_t bytes = (uint64_t)pack->size * WEIGHTS_QUAD;
    const uint64_t offset =
        (uint64_t)part->at * WEIGHTS_QUAD + (row / TILE_ROWS - part->tile0) * bytes;
    uint32_t *tile = malloc(bytes);
    uint8_t *stored = calloc(1, quant_row_bytes(t->type, t->dim[0]));
    enum status st = STATUS_MEMORY;

    if (!tile || !stored) {
        log_error("vk: no host memory to edit a row of '%s'", t->name);
        goto done;
    }
    st = gpu_buffer_read(w->slabs[part->slab], offset, tile, bytes);
    if (st)
        goto done;
    vk_pack_unpack(pack, tile, r, stored);
    data->before = quant_field_read(t->type, stored, site->k, site->field);
    quant_field_write(t->type, stored, site->k, site->field, hook_edit(*data, 0, data->before, 0));
    vk_pack_row(pack, tile, r, stored);
    st = gpu_buffer_write(w->slabs[part->slab], offset, tile, bytes);
    if (!st)
        st = gpu_buffer_read(w->slabs[part->slab], offset, tile, bytes);
    vk_pack_unpack(pack, tile, r, stored);
    data->after = quant_field_read(t->type, stored, site->k, site->field);
    data->count = 1;
done:
    free(stored);
    free(tile);
    return st;
}

enum status vk_weights_edit(struct vk_weights *weights, const struct weight_site *site,
                            struct hook_data *data)
{
    const struct vk_weight *at = weight_of(weights, site->tensor);

    if (at->matrix && !at->is_bias)
        return edit_row(weights, site, data);
    if (!at->matrix)
        return vk_memory_edit(weights->slabs[at->slab], (uint64_t)at->at * 4 + site->k, data);
    const uint32_t row = at->row0 + site->k;
    const struct vk_part *part = vk_weights_part(at->matrix, row / TILE_ROWS);
    const uint64_t tile =
        (uint64_t)part->at + (uint64_t)(row / TILE_ROWS - part->tile0) * at->matrix->pack.size;
    return vk_memory_edit(weights->slabs[part->slab],
                          (tile + at->matrix->pack.bias_at) * 4 + row % TILE_ROWS, data);
}

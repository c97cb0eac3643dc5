/* SPDX-License-Identifier: MIT */
/* One row of the embedding from the file: decoded, scaled and rounded as executors do. */
#include "model/embedding.h"

#include <stdlib.h>

#include "base/log.h"
#include "shared/numerics.h"
#include "shared/sums.h"

uint32_t embedding_node(const struct executor *ex)
{
    const struct graph *graph = &ex->model->graph;
    uint32_t i = 0;
    while (i + 1 < graph->count && graph->node[i].op != OP_EMBED)
        i++;
    return i;
}

static void sum_row(const float *row, uint32_t n, uint32_t out[2])
{
    out[0] = out[1] = 0;
    for (uint32_t i = 0; i < 2 * n; i++) {
        const uint32_t half = lang_bits(row[i / 2]) >> 16 * (i % 2) & 0xffff;
        out[0] += (i + 1) * half;
        out[1] += sums_weight(i) * half;
    }
}

enum status embedding_sums(const struct executor *ex, uint32_t token, uint32_t out[2])
{
    const struct node *node = &ex->model->graph.node[embedding_node(ex)];
    const struct tensor *t = node->weight;
    const size_t bytes = quant_row_bytes(t->type, t->dim[0]);
    uint8_t *stored = malloc(bytes);
    float *row = malloc(node->width * sizeof(*row));
    enum status st = stored && row ? STATUS_OK : STATUS_MEMORY;
    if (st)
        log_error("no host memory for a row of %u embeddings", node->width);
    else
        st = gguf_stored(ex->model->gguf, t, token * bytes, stored, bytes);
    if (!st) {
        quant_dequantize(t->type, stored, node->width, row);
        for (uint32_t i = 0; i < node->rows; i++) {
            const float value = node->scale == 0 ? row[i] : row[i] * node->scale;
            row[i] = ex->act == STORAGE_F32 ? value : nm_round(value, (uint32_t)ex->act);
        }
        sum_row(row, node->rows, out);
    }
    free(stored);
    free(row);
    return st;
}

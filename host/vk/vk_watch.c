/* SPDX-License-Identifier: MIT */
/* Output rows for a watcher: read back after every node, scores and probabilities without gaps, K
 * and V as stored. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "shared/numerics.h"
#include "shared/order.h"
#include "vk/vk_run.h"

/* (n_head, position + 1); positions outside a window become 0. */
static uint32_t close_up(const struct vk_rec *rec, float *values, uint32_t position)
{
    const uint32_t n = position + 1, first = order_first_key(position, rec->node->window);
    const uint32_t heads = vk_hparams(rec->vk)->n_head;

    for (uint32_t h = 0; h < heads; h++) {
        float *to = values + (size_t)h * n;
        memmove(to, values + (size_t)h * rec->vk->memory.score_stride, n * sizeof(*to));
        memset(to, 0, first * sizeof(*to));
    }
    return heads * n;
}

static enum status show(struct vk_run *run, const struct vk_rec *rec, uint32_t slot, float *values)
{
    const struct node *node = rec->node;
    const bool scores = node->out == REG_S || node->out == REG_P;
    const uint32_t column = run->column[slot];
    uint32_t count = node->rows;
    const uint64_t bytes =
        scores ? (uint64_t)rec->dst.stride * VK_QUAD : (uint64_t)order_ceil(count, 4) * VK_QUAD;
    const uint32_t at = (uint32_t)vk_rec_row(rec, slot);
    const enum status st =
        gpu_buffer_read(run->vk->memory.work, (uint64_t)at * VK_QUAD, values, bytes);

    if (st)
        return st;
    if (scores)
        count = close_up(rec, values, column_last(&run->pass->columns[column]));
    run->pass->watch(run->pass->watch_user, node, column, values, count);
    return STATUS_OK;
}

/* (2, rows) K and V of a STORE after narrowing. */
static enum status show_stored(struct vk_run *run, const struct vk_rec *rec, uint32_t slot,
                               float *values)
{
    const uint32_t rows = rec->node->rows;
    enum status st = STATUS_OK;

    for (int value = 0; value < 2 && !st; value++) {
        const uint64_t at = (value ? rec->src2.at : rec->src.at) + (uint64_t)slot * rec->src.stride;
        st = gpu_buffer_read(run->vk->memory.work, at * VK_QUAD, values + value * rows,
                             rows * sizeof(*values));
    }
    if (st)
        return st;
    for (uint32_t i = 0; i < 2 * rows; i++)
        values[i] = nm_round(values[i], run->vk->base.kv_storage);
    run->pass->watch(run->pass->watch_user, rec->node, run->column[slot], values, 2 * rows);
    return STATUS_OK;
}

enum status vk_watch(struct vk_run *run, const struct vk_rec *rec)
{
    const bool store = rec->node->op == OP_STORE;
    enum status st;

    if (!run->pass->watch)
        return STATUS_OK;
    float *values = store ? malloc((size_t)2 * rec->node->rows * sizeof(*values))
                          : malloc((size_t)rec->dst.stride * VK_QUAD);
    if (!values) {
        log_error("watch: no host memory for a row of %s", rec->node->site);
        return STATUS_MEMORY;
    }
    st = vk_run_flush(run);
    for (uint32_t i = 0; i < rec->slots && !st; i++)
        st = store ? show_stored(run, rec, rec->slot0 + i, values)
                   : show(run, rec, rec->slot0 + i, values);
    free(values);
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Output rows for a watcher: read back after every node, scores and probabilities close-packed. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "vk/vk_run.h"

/* Where a slot's row of the output lies, quads. */
static uint64_t row_at(const struct vk_rec *rec, uint32_t slot)
{
    const bool scores = rec->node->out == REG_S || rec->node->out == REG_P;
    const uint32_t row = scores ? slot - rec->score_slot0 : slot;

    return rec->dst.at + row * rec->dst.stride;
}

/* (n_head, position + 1); positions outside a window become 0. */
static uint32_t close_up(const struct vk_rec *rec, float *values, uint32_t position)
{
    const uint32_t n = position + 1, window = rec->node->window;
    const uint32_t first = window != 0 && n > window ? n - window : 0;
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
        scores ? (uint64_t)rec->dst.stride * VK_QUAD : (uint64_t)vk_ceil(count, 4) * VK_QUAD;
    const uint32_t at = (uint32_t)row_at(rec, slot);
    const enum status st =
        gpu_buffer_read(run->vk->memory.work, (uint64_t)at * VK_QUAD, values, bytes);

    if (st != STATUS_OK)
        return st;
    if (scores)
        count = close_up(rec, values, column_last(&run->pass->columns[column]));
    run->pass->watch(run->pass->watch_user, node, column, values, count);
    return STATUS_OK;
}

enum status vk_watch(struct vk_run *run, const struct vk_rec *rec)
{
    enum status st;

    if (!run->pass->watch || rec->node->out == REG_NONE)
        return STATUS_OK;
    float *values = malloc((size_t)rec->dst.stride * VK_QUAD);
    if (!values) {
        log_error("watch: no host memory for a row of %s", graph_reg_name(rec->node->out));
        return STATUS_MEMORY;
    }
    st = vk_run_flush(run);
    for (uint32_t i = 0; i < rec->slots && st == STATUS_OK; i++)
        st = show(run, rec, rec->slot0 + i, values);
    free(values);
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Fills passes with columns of many branches, and keeps the start of a text for later ones. */
#include "tasks/batch.h"

#include "model/storage.h"

uint32_t batch_pages(uint32_t positions)
{
    return positions / KV_PAGE_POSITIONS + (positions % KV_PAGE_POSITIONS != 0);
}

void batch_params(struct executor_params *params, const struct batch_needs *needs)
{
    const struct hparams *hp = &params->model->hp;
    const uint64_t page = 2ull * KV_PAGE_POSITIONS * hp->n_layers * hp->n_head_kv * hp->head_dim *
                          (storage_bits(params->kv) / 8);
    const uint64_t fit = BATCH_KV_BYTES / page;
    const uint64_t all = (uint64_t)needs->pages * needs->items;
    const uint64_t items = all < fit ? all : fit < needs->pages ? needs->pages : fit;

    params->positions = needs->positions;
    params->branches = needs->branches + 1;
    params->pages = (uint32_t)items + batch_pages(needs->positions);
    params->columns = params->columns ? params->columns : BATCH_COLUMNS;
}

enum status batch_open(struct batch *out, struct arena *arena, struct executor *ex)
{
    struct executor_info info;
    executor_info(ex, &info);
    *out = (struct batch){.ex = ex, .most = info.max_columns, .kept = EXECUTOR_NONE};
    /* The kept start has pages of its own. */
    out->pages = kv_pages_free(ex->kv, 0) - batch_pages(ex->positions);
    out->column = arena_array(arena, out->most, sizeof(*out->column));
    out->result = arena_array(arena, out->most, sizeof(*out->result));
    return out->column && out->result ? STATUS_OK : STATUS_MEMORY;
}

static void forget(struct batch *batch)
{
    if (batch->kept != EXECUTOR_NONE)
        kv_release(batch->ex->kv, batch->kept);
    batch->kept = EXECUTOR_NONE;
    batch->n_kept = 0;
}

void batch_close(struct batch *batch)
{
    forget(batch);
}

bool batch_reserve(struct batch *batch, uint32_t pages)
{
    if (pages > batch->pages - batch->reserved)
        return false;
    batch->reserved += pages;
    return true;
}

void batch_return(struct batch *batch, uint32_t pages)
{
    batch->reserved -= pages;
}

enum status batch_fork(struct batch *batch, uint32_t from, uint32_t positions, uint32_t *to)
{
    const struct executor *ex = batch->ex;
    const enum status st = kv_branch(ex->kv, to);
    if (!st && positions > 0)
        kv_share(ex->kv, &(struct kv_share){.from = from,
                                            .to = *to,
                                            .layer_count = ex->model->hp.n_layers,
                                            .positions = positions});
    return st;
}

static uint32_t whole_pages(uint32_t positions)
{
    return positions - positions % KV_PAGE_POSITIONS;
}

enum status batch_start(struct batch *batch, struct batch_row *out)
{
    const uint32_t last = out->from < out->n ? out->from : out->n;
    uint32_t alike = 0;
    while (alike < batch->n_kept && alike < last && batch->kept_ids[alike] == out->ids[alike])
        alike++;
    /* Copying part of a page would save little. */
    out->next = whole_pages(alike);
    return batch_fork(batch, batch->kept, out->next, &out->branch);
}

enum status batch_keep(struct batch *batch, const struct batch_row *row, uint32_t n)
{
    const uint32_t whole = whole_pages(n);
    forget(batch);
    if (whole == 0)
        return STATUS_OK;
    batch->kept_ids = row->ids;
    batch->n_kept = whole;
    return batch_fork(batch, row->branch, whole, &batch->kept);
}

uint32_t batch_feed(struct batch *batch, struct batch_row *row)
{
    const uint32_t room = batch->most - batch->n, left = row->n - row->next;
    const uint32_t n = left < room ? left : room;
    for (uint32_t i = 0; i < n; i++, row->next++)
        batch->column[batch->n++] =
            (struct column){.branch = row->branch,
                            .position = row->next,
                            .token = row->ids[row->next],
                            .checkpoint = EXECUTOR_NONE,
                            .end_layer = batch->ex->model->hp.n_layers,
                            .save = EXECUTOR_NONE,
                            .outputs = row->next >= row->from ? row->outputs : 0};
    return n;
}

enum status batch_go(struct batch *batch)
{
    const struct pass pass = {.columns = batch->column, .n_columns = batch->n};
    batch->n = 0;
    return executor_pass(batch->ex, &pass, batch->result);
}

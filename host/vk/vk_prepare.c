/* SPDX-License-Identifier: MIT */
/* What a pass needs before its first dispatch: slots, pages, tables, hooks. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "vk/vk_memory.h"
#include "vk/vk_run.h"

static const struct column *column_of(const struct vk_run *run, uint32_t slot)
{
    return &run->pass->columns[run->column[slot]];
}

static void upload_columns(struct vk_run *run)
{
    uint32_t *words = gpu_buffer_mapped(run->vk->memory.columns);
    const uint32_t head = run->pass->n_columns * COLUMN_WORDS;
    uint32_t *tables = words + head;

    vk_kv_begin(&run->vk->kv, run->pass);
    for (uint32_t slot = 0; slot < run->pass->n_columns; slot++, words += COLUMN_WORDS) {
        const struct column *c = column_of(run, slot);
        words[COLUMN_TOKEN] = c->checkpoint == EXECUTOR_NONE ? (uint32_t)c->token : COLUMN_NO_TOKEN;
        words[COLUMN_POSITION] = c->position;
        words[COLUMN_LAST] = column_last(c);
        words[COLUMN_ROPE] = column_rope(c);
        words[COLUMN_ENTRY] = column_entry(c);
        words[COLUMN_TABLE] = head + vk_kv_table(&run->vk->kv, c, tables);
    }
    run->column_words = head + vk_kv_collected(&run->vk->kv);
}

/* In the order of the patches; the first hook of each has its length. */
static enum status upload_hooks(struct vk_run *run)
{
    const struct pass *pass = run->pass;
    enum status st = vk_patch_plan(run);

    if (!st)
        st = vk_memory_hooks(run->vk, pass->n_words);
    struct hook_data *to = !st ? gpu_buffer_mapped(run->vk->memory.hooks) : NULL;
    for (uint32_t i = 0; to && i < pass->n_hooks; i++)
        to[i] = pass->hooks[run->order[i]].data;
    for (uint32_t i = 0; to && i < run->n_patches; i++)
        to[run->patches[i].first].list = run->patches[i].n;
    if (to && pass->n_words > 0)
        memcpy(to + HOOK_MOST, pass->words, pass->n_words * sizeof(*pass->words));
    return st;
}

static enum status logit_rows(const struct vk_run *run)
{
    uint32_t rows = 0;

    for (uint32_t i = 0; i < run->pass->n_columns; i++)
        rows += (run->pass->columns[i].outputs & COLUMN_LOGITS) != 0;
    return vk_memory_logits(run->vk, rows);
}

static enum status features(const struct vk_run *run)
{
    bool any = false;

    for (uint32_t i = 0; i < run->pass->n_columns; i++)
        any = any || (run->pass->columns[i].outputs & COLUMN_FEATURES);
    return any ? vk_memory_features(run->vk) : STATUS_OK;
}

enum status vk_prepare(struct vk_run *run)
{
    const uint32_t n = run->pass->n_columns;
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < n && !st; i++)
        st = vk_kv_own(&run->vk->kv, &run->pass->columns[i]);
    if (!st)
        st = executor_check_pages(&run->vk->base, run->pass);
    if (!st)
        st = upload_hooks(run);
    if (!st)
        st = logit_rows(run);
    if (!st)
        st = features(run);
    if (!st)
        st = vk_guard_prepare(run);
    if (!st)
        upload_columns(run);
    return st;
}

/* What both read and write: hooks with their words, verdicts. */
static uint32_t both_ways(const struct vk_run *run, struct stream_span out[3])
{
    const struct vk_memory *m = &run->vk->memory;
    const uint32_t hooks = run->pass->n_hooks, words = run->pass->n_words;
    uint32_t n = 0;

    if (hooks > 0)
        out[n++] = (struct stream_span){m->hooks, 0, hooks * sizeof(struct hook_data)};
    if (words > 0)
        out[n++] = (struct stream_span){m->hooks, HOOK_MOST * sizeof(struct hook_data),
                                        (uint64_t)words * sizeof(uint32_t)};
    if (run->verdict_quads > 0)
        out[n++] = (struct stream_span){m->verdicts, 0, (uint64_t)run->verdict_quads * VK_QUAD};
    return n;
}

enum status vk_prepare_push(const struct vk_run *run)
{
    struct stream_span spans[4] = {
        {run->vk->memory.columns, 0, (uint64_t)run->column_words * sizeof(uint32_t)}};
    const uint32_t n = both_ways(run, spans + 1);

    return stream_push(run->vk->stream, spans, n + 1);
}

enum status vk_prepare_pull(const struct vk_run *run)
{
    struct stream_span spans[3];
    const uint32_t n = both_ways(run, spans);

    return stream_pull(run->vk->stream, spans, n);
}

void vk_prepare_finish(struct vk_run *run)
{
    free(run->order);
    free(run->patches);
    free(run->verdict);
}

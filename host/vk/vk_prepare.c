/* SPDX-License-Identifier: MIT */
/* Gets a pass everything it needs before the first dispatch: slots, pages, tables, hooks. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "vk/vk_memory.h"
#include "vk/vk_run.h"

static bool is_hooked(const struct pass *pass, uint32_t column)
{
    for (uint32_t i = 0; i < pass->n_hooks; i++)
        if (pass->hooks[i].column == column)
            return true;
    return false;
}

/* False: nothing behind STORE of its last layer is asked of the column. */
static bool goes_on(const struct vk_run *run, uint32_t column)
{
    const struct column *c = &run->pass->columns[column];

    return c->save != EXECUTOR_NONE || c->outputs != 0 || run->pass->watch ||
           is_hooked(run->pass, column);
}

static bool same_layers(const struct column *a, const struct column *b)
{
    return a->start_layer == b->start_layer && a->end_layer == b->end_layer;
}

/* Columns in their order, but among those of equal layers the ones that go on first: so the slots
 * that go on behind the last STORE are a prefix, too. */
static void assign_slots(struct vk_run *run)
{
    const struct column *columns = run->pass->columns;
    const uint32_t n = run->pass->n_columns;
    uint32_t slot = 0;

    for (uint32_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && same_layers(&columns[begin], &columns[end]); end++)
            if (goes_on(run, end))
                run->column[slot++] = end;
        for (uint32_t i = begin; i < end; i++)
            if (!goes_on(run, i))
                run->column[slot++] = i;
    }
    for (uint32_t i = 0; i < n; i++)
        run->slot[run->column[i]] = i;
}

static const struct column *column_of(const struct vk_run *run, uint32_t slot)
{
    return &run->pass->columns[run->column[slot]];
}

static void upload_columns(const struct vk_run *run)
{
    uint32_t *words = gpu_buffer_mapped(run->vk->memory.columns);

    for (uint32_t slot = 0; slot < run->pass->n_columns; slot++, words += COLUMN_WORDS) {
        const struct column *c = column_of(run, slot);
        words[COLUMN_TOKEN] = c->checkpoint == EXECUTOR_NONE ? (uint32_t)c->token : COLUMN_NO_TOKEN;
        words[COLUMN_POSITION] = c->position;
        words[COLUMN_LAST] = column_last(c);
        words[COLUMN_ROPE] = column_rope(c);
        words[COLUMN_ENTRY] = column_entry(c);
        words[COLUMN_TABLE] = vk_kv_table(&run->vk->kv, c->branch);
        vk_kv_upload(&run->vk->kv, c);
    }
}

/* In the order of the patches, the length of each with its first hook. */
static enum status upload_hooks(struct vk_run *run)
{
    const struct pass *pass = run->pass;
    enum status st = vk_patch_plan(run);

    if (st == STATUS_OK)
        st = vk_memory_hooks(run->vk, pass->n_words);
    struct hook_data *to = st == STATUS_OK ? gpu_buffer_mapped(run->vk->memory.hooks) : NULL;
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

enum status vk_prepare(struct vk_run *run)
{
    const uint32_t n = run->pass->n_columns;
    enum status st = STATUS_OK;

    run->column = calloc(n, sizeof(*run->column));
    run->slot = calloc(n, sizeof(*run->slot));
    if (!run->column || !run->slot) {
        log_error("pass: no host memory for %u columns", n);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n && st == STATUS_OK; i++)
        st = vk_kv_own(&run->vk->kv, &run->pass->columns[i]);
    if (st == STATUS_OK)
        st = executor_check_pages(&run->vk->base, run->pass);
    if (st == STATUS_OK)
        st = upload_hooks(run);
    if (st == STATUS_OK)
        st = logit_rows(run);
    if (st != STATUS_OK)
        return st;
    assign_slots(run);
    upload_columns(run);
    return STATUS_OK;
}

/* Logits are asked for, hooked or watched. */
static bool needs_logits(const struct vk_run *run, uint32_t column)
{
    const struct pass *pass = run->pass;
    const uint32_t last = run->vk->base.model->graph.count - 1;

    for (uint32_t i = 0; i < pass->n_hooks; i++)
        if (pass->hooks[i].column == column && pass->hooks[i].node == last)
            return true;
    return (pass->columns[column].outputs & ~COLUMN_HIDDEN) != 0 || pass->watch;
}

void vk_prepare_outputs(struct vk_run *run)
{
    const uint32_t n = run->pass->n_columns;
    uint32_t order[n];

    run->n_outputs = 0;
    memcpy(order, run->column, sizeof(order));
    for (int logits = 1; logits >= 0; logits--) {
        for (uint32_t slot = 0; slot < n; slot++) {
            const uint32_t column = order[slot];
            if (run->pass->columns[column].outputs == 0)
                run->slot[column] = EXECUTOR_NONE;
            else if (needs_logits(run, column) == logits) {
                run->slot[column] = run->n_outputs;
                run->column[run->n_outputs++] = column;
            }
        }
        run->n_logits = logits ? run->n_outputs : run->n_logits;
    }
}

uint32_t vk_prepare_active(const struct vk_run *run, uint32_t layer)
{
    uint32_t n = 0;

    while (n < run->pass->n_columns && column_of(run, n)->start_layer <= layer &&
           column_of(run, n)->end_layer > layer)
        n++;
    return n;
}

uint32_t vk_prepare_tail(const struct vk_run *run, uint32_t layer, uint32_t active)
{
    while (active > 0 && column_of(run, active - 1)->end_layer == layer + 1 &&
           !goes_on(run, run->column[active - 1]))
        active--;
    return active;
}

void vk_prepare_finish(struct vk_run *run)
{
    free(run->column);
    free(run->slot);
    free(run->order);
    free(run->patches);
}

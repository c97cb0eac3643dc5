/* SPDX-License-Identifier: MIT */
/* Hooks of a node: its op again, with faults, over the outputs concerned. */
#include <stdlib.h>

#include "base/log.h"
#include "vk/vk_run.h"

#define PATCH_RECORD 0x80000000u /* HOOK_RECORD of hook.glsl */

static int compare(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

/* Key of the hooks' order: a column's captures before its edits, else as given. */
struct place {
    uint32_t node, column, evaluation, edits, index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = compare(x->node, y->node);

    order = order ? order : compare(x->column, y->column);
    order = order ? order : compare(x->evaluation, y->evaluation);
    order = order ? order : compare(x->edits, y->edits);
    return order ? order : compare(x->index, y->index);
}

/* Adds a hook's outputs to those concerned. */
static void concern(struct vk_patch *patch, const struct node *node, const struct hook *hook)
{
    const struct hook_data *d = &hook->data;
    struct op_point at = {.row_step = 1};
    op_point(&at, node, hook->point);
    const uint32_t row = at.shared ? d->reader : d->row;
    uint64_t end = at.shared ? (uint64_t)row + d->readers
                             : (uint64_t)row + (uint64_t)(d->rows - 1) * d->row_step + at.row_step;
    uint64_t key_end = hook->point == HOOK_OPERAND ? UINT32_MAX : (uint64_t)d->key + d->keys;

    end = end > node->rows ? node->rows : end;
    patch->row = row < patch->row ? row : patch->row;
    patch->row_end = end > patch->row_end ? (uint32_t)end : patch->row_end;
    const uint32_t key = hook->point == HOOK_OPERAND ? 0 : d->key;
    patch->key = key < patch->key ? key : patch->key;
    patch->key_end = key_end > patch->key_end ? (uint32_t)key_end : patch->key_end;
    patch->point = patch->n == 0 || patch->point == hook->point ? hook->point : HOOK_SEVERAL;
    patch->records |= d->capture == 0 && hook_size(d) > 1;
    patch->n++;
}

enum status vk_patch_plan(struct vk_run *run)
{
    const struct pass *pass = run->pass;
    const struct graph *graph = &run->vk->base.model->graph;
    const uint32_t n = pass->n_hooks;
    struct place *places = calloc(n ? n : 1, sizeof(*places));

    run->order = calloc(n ? n : 1, sizeof(*run->order));
    run->patches = calloc(n ? n : 1, sizeof(*run->patches));
    if (!places || !run->order || !run->patches) {
        log_error("pass: no host memory for %u hooks", n);
        free(places);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++)
        places[i] = (struct place){pass->hooks[i].node, pass->hooks[i].column,
                                   pass->hooks[i].evaluation, pass->hooks[i].data.capture == 0, i};
    qsort(places, n, sizeof(*places), compare_places);
    for (uint32_t i = 0; i < n; i++) {
        const struct place *p = &places[i];
        const bool same = i > 0 && p[-1].node == p->node && p[-1].column == p->column &&
                          p[-1].evaluation == p->evaluation && p[-1].edits == p->edits;
        if (!same)
            run->patches[run->n_patches++] = (struct vk_patch){.first = i,
                                                               .node = p->node,
                                                               .column = p->column,
                                                               .evaluation = p->evaluation,
                                                               .captures = p->edits == 0,
                                                               .row = UINT32_MAX,
                                                               .key = UINT32_MAX};
        run->order[i] = p->index;
        concern(&run->patches[run->n_patches - 1], &graph->node[p->node], &pass->hooks[p->index]);
    }
    free(places);
    return STATUS_OK;
}

/* The patch's slot, EXECUTOR_NONE if it is not one of the node's dispatch. */
static uint32_t slot_of(const struct vk_run *run, const struct vk_rec *rec,
                        const struct vk_patch *patch)
{
    const uint32_t slot = patch->node == rec->index ? run->slot[patch->column] : EXECUTOR_NONE;

    return slot != EXECUTOR_NONE && slot >= rec->slot0 && slot - rec->slot0 < rec->slots
               ? slot
               : EXECUTOR_NONE;
}

static enum status save_row(struct vk_run *run, const struct vk_rec *rec, uint32_t slot)
{
    const struct gpu_buffer *work = run->vk->memory.work;
    const struct vk_reg *saved = &run->vk->memory.saved;

    if (run->read & OP_BIT(VK_RUN_SAVED)) /* rows of two slots never overlap */
        vk_run_access(run, OP_BIT(rec->node->in), OP_BIT(VK_RUN_SAVED));
    else
        vk_run_access(run, OP_BIT(rec->node->in), 0);
    run->written |= OP_BIT(VK_RUN_SAVED);
    return vk_run_copy(run, &(struct vk_run_copy){.from = work,
                                                  .to = work,
                                                  .from_quad = rec->src.at + slot * rec->src.stride,
                                                  .to_quad = saved->at + slot * saved->stride,
                                                  .quads = order_ceil(rec->node->rows, 4)});
}

enum status vk_patch_save(struct vk_run *run, const struct vk_rec *rec)
{
    enum status st = STATUS_OK;

    if (rec->node->in != rec->node->out)
        return STATUS_OK;
    const bool twins = run->schedule->twice[rec->index];
    for (uint32_t slot = rec->slot0; twins && slot < rec->slot0 + rec->slots && !st; slot++)
        st = save_row(run, rec, slot);
    for (uint32_t i = 0; i < run->n_patches && !twins && !st; i++) {
        const uint32_t slot = slot_of(run, rec, &run->patches[i]);
        if (slot != EXECUTOR_NONE)
            st = save_row(run, rec, slot);
    }
    return st;
}

/* A patch's dispatch, and the one that records. */
static enum status run_patch(struct vk_run *run, const struct vk_rec *rec,
                             const struct vk_patch *patch)
{
    const uint32_t slot = slot_of(run, rec, patch);
    const uint64_t out =
        OP_BIT(rec->evaluation ? VK_RUN_TWIN(rec->node->out) : (uint32_t)rec->node->out);
    struct vk_rec again = *rec;
    enum status st = STATUS_OK;

    if (slot == EXECUTOR_NONE)
        return STATUS_OK;
    again.patch = patch;
    again.slot0 = slot;
    again.slots = 1;
    if (rec->node->in == rec->node->out)
        again.src = run->vk->memory.saved;
    for (uint32_t record = 0; record < (patch->records ? 2 : 1) && !st; record++) {
        st = vk_run_room(run, vk_pace_cost(&again));
        /* one after the other: patches share outputs, captured bits and proofs */
        vk_run_access(run, OP_BIT(VK_RUN_HOOKS) | OP_BIT(VK_RUN_SAVED), OP_BIT(VK_RUN_HOOKS) | out);
        again.hook_index = patch->first | (record ? PATCH_RECORD : 0);
        st = st ? st : vk_run_op(&again);
    }
    return st;
}

enum status vk_patch(struct vk_run *run, const struct vk_rec *rec)
{
    enum status st = STATUS_OK;

    for (int captures = 1; captures >= 0; captures--) {
        for (uint32_t i = 0; i < run->n_patches && !st; i++) {
            if (run->patches[i].captures == (captures != 0) &&
                run->patches[i].evaluation == rec->evaluation)
                st = run_patch(run, rec, &run->patches[i]);
        }
    }
    return st;
}

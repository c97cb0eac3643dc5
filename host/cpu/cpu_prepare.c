/* SPDX-License-Identifier: MIT */
/* Allocates what a pass needs: pages of its positions, and rows for what it keeps. */
#include "cpu/cpu_prepare.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "cpu/cpu_edit.h"
#include "cpu/cpu_hook.h"
#include "model/op.h"

static enum status own_pages(const struct cpu_run *run, const struct column *column)
{
    enum status st = STATUS_OK;

    for (uint32_t layer = column->start_layer; layer < column->end_layer && !st; layer++) {
        const uint32_t written[] = {column->position, column_entry(column)};
        for (uint32_t i = 0; i < (written[0] == written[1] ? 1 : 2) && !st; i++) {
            const struct kv_site site = {
                .branch = column->branch, .layer = layer, .position = written[i]};
            st = cpu_edit_page(run->cpu, &site);
        }
    }
    return st;
}

/* True if a hook, guard or watcher of the node needs the column's scores, or logits, kept. */
static bool needs(const struct cpu_run *run, uint32_t index, bool logits)
{
    const struct node *node = &run->cpu->base.model->graph.node[index];
    return logits ? node->out == REG_L : op_per_key(node->op);
}

static bool looked_at(const struct cpu_run *run, uint32_t column, bool logits)
{
    const struct pass *pass = run->pass;
    for (uint32_t i = 0; i < pass->n_hooks; i++) {
        if (pass->hooks[i].column == column && needs(run, pass->hooks[i].node, logits))
            return true;
    }
    for (uint32_t i = 0; i < pass->n_guards; i++) {
        if (pass->guards[i].column == column && needs(run, pass->guards[i].node, logits))
            return true;
    }
    return false;
}

static enum status keep_rows(struct cpu_run *run)
{
    struct cpu *cpu = run->cpu;
    const bool watched = run->pass->watch != NULL;
    uint32_t scores = 0, logits = 0;
    enum status st;

    for (uint32_t i = 0; i < run->pass->n_columns; i++) {
        const uint32_t outputs = run->pass->columns[i].outputs;
        const bool row =
            outputs & COLUMN_LOGITS || (watched && outputs != 0) || looked_at(run, i, true);
        cpu->full_row[i] = row ? logits++ : EXECUTOR_NONE;
        cpu->score_row[i] = watched || looked_at(run, i, false) ? scores++ : EXECUTOR_NONE;
    }
    st = cpu_room(cpu, REG_L, logits);
    if (!st)
        st = cpu_room(cpu, REG_S, scores);
    return st ? st : cpu_room(cpu, REG_P, scores);
}

/* Ops in place destroy what their hooks have to read. */
static enum status save_inputs(struct cpu_run *run)
{
    const struct graph *graph = &run->cpu->base.model->graph;
    const uint32_t n = run->pass->n_hooks;

    if (n == 0)
        return STATUS_OK;
    run->saved = calloc(n, sizeof(*run->saved));
    run->patched = calloc(n, sizeof(struct hook *));
    if (!run->saved || !run->patched)
        goto fail;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *node = &graph->node[run->pass->hooks[i].node];
        if (node->in != node->out)
            continue;
        run->saved[i] = calloc(node->rows, sizeof(float));
        if (!run->saved[i])
            goto fail;
    }
    return STATUS_OK;
fail:
    log_error("pass: no host memory for the inputs of %" PRIu32 " hooks", n);
    return STATUS_MEMORY;
}

enum status cpu_prepare(struct cpu_run *run)
{
    enum status st = keep_rows(run);

    if (!st)
        st = save_inputs(run);
    for (uint32_t i = 0; i < run->pass->n_columns && !st; i++)
        st = own_pages(run, &run->pass->columns[i]);
    return st ? st : executor_check_pages(&run->cpu->base, run->pass);
}

void cpu_prepare_finish(struct cpu_run *run)
{
    for (uint32_t i = 0; run->saved && i < run->pass->n_hooks; i++)
        free(run->saved[i]);
    free(run->saved);
    free(run->patched);
    run->saved = NULL;
    run->patched = NULL;
}

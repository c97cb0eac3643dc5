/* SPDX-License-Identifier: MIT */
/* A pass: all that can fail first, then the graph over its columns, with all threads in one
 * parallel region. */
#include <assert.h>
#include <inttypes.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "cpu/cpu_edit.h"
#include "cpu/cpu_guard.h"
#include "cpu/cpu_guard_abft.h"
#include "cpu/cpu_hook.h"
#include "cpu/cpu_ops.h"
#include "cpu/cpu_state.h"
#include "cpu/cpu_twin.h"
#include "cpu/cpu_watch.h"
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

/* A column's row of scores, or of logits, is wanted: a hook or a guard looks at it. */
static void want(const struct cpu_run *run, uint32_t index, uint32_t column)
{
    const struct node *node = &run->cpu->base.model->graph.node[index];
    if (node->out == REG_L)
        run->cpu->full_row[column] = 0;
    if (op_per_key(node->op))
        run->cpu->score_row[column] = 0;
}

static enum status keep_rows(struct cpu_run *run)
{
    struct cpu *cpu = run->cpu;
    const struct pass *pass = run->pass;
    const bool watched = pass->watch != NULL;
    uint32_t scores = 0, logits = 0, features = 0;
    enum status st;

    for (uint32_t i = 0; i < pass->n_columns; i++) {
        const uint32_t outputs = pass->columns[i].outputs;
        const bool row = outputs & COLUMN_LOGITS || (watched && outputs != 0);
        cpu->full_row[i] = row ? 0 : EXECUTOR_NONE;
        cpu->score_row[i] = watched ? 0 : EXECUTOR_NONE;
        cpu->features_row[i] = outputs & COLUMN_FEATURES ? features++ : EXECUTOR_NONE;
    }
    for (uint32_t i = 0; i < pass->n_hooks; i++)
        want(run, pass->hooks[i].node, pass->hooks[i].column);
    for (uint32_t i = 0; i < pass->n_guards; i++)
        want(run, pass->guards[i].node, pass->guards[i].column);
    for (uint32_t i = 0; i < pass->n_columns; i++) {
        cpu->full_row[i] = cpu->full_row[i] == EXECUTOR_NONE ? EXECUTOR_NONE : logits++;
        cpu->score_row[i] = cpu->score_row[i] == EXECUTOR_NONE ? EXECUTOR_NONE : scores++;
    }
    st = cpu_features_room(cpu, features);
    if (!st)
        st = cpu_room(cpu, REG_L, logits);
    if (!st)
        st = cpu_room(cpu, REG_S, scores);
    return st ? st : cpu_room(cpu, REG_P, scores);
}

/* Ops in place destroy inputs of their hooks. */
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

/* Pages, rows of S, P and L, room for saved inputs. cpu_prepare_finish follows in any case. */
static enum status cpu_prepare(struct cpu_run *run)
{
    enum status st = keep_rows(run);

    if (!st)
        st = save_inputs(run);
    if (!st)
        st = cpu_guard_abft_begin(run);
    for (uint32_t i = 0; i < run->pass->n_columns && !st; i++)
        st = own_pages(run, &run->pass->columns[i]);
    return st ? st : executor_check_pages(&run->cpu->base, run->pass);
}

static void cpu_prepare_finish(struct cpu_run *run)
{
    for (uint32_t i = 0; run->saved && i < run->pass->n_hooks; i++)
        free(run->saved[i]);
    free(run->saved);
    free(run->patched);
    run->saved = NULL;
    run->patched = NULL;
}

static void wait_all(const struct cpu_task *task)
{
    cpu_team_wait(&task->run->team, task->threads);
}

/* The first thread alone, between barriers. */
#define CPU_PASS_ALONE(task, statement)                                                            \
    do {                                                                                           \
        wait_all(task);                                                                            \
        if ((task)->thread == 0)                                                                   \
            statement;                                                                             \
        wait_all(task);                                                                            \
    } while (0)

static const struct graph *graph_of(const struct cpu_run *run)
{
    return &run->cpu->base.model->graph;
}

static uint32_t n_layers(const struct cpu_run *run)
{
    return cpu_hparams(run->cpu)->n_layers;
}

static void load_residual(struct cpu_run *run, enum reg reg, uint32_t slot, uint32_t column,
                          uint32_t layer)
{
    const struct column *c = &run->pass->columns[column];

    memcpy(cpu_reg(run->cpu, reg, slot), cpu_edit_checkpoint(run->cpu, c->checkpoint, layer),
           cpu_hparams(run->cpu)->n_embd * sizeof(float));
}

/* First thread: the slots of a layer, residuals of those that start here. */
static void enter(struct cpu_run *run, uint32_t layer)
{
    run->slots = run->schedule->active[layer];
    for (uint32_t slot = 0; slot < run->slots; slot++) {
        if (schedule_loads(cpu_column(run, slot), layer))
            load_residual(run, REG_X, slot, run->column[slot], layer);
    }
}

/* This thread's part of the residuals entering `layer`. */
static void save_residuals(const struct cpu_task *task, uint32_t layer)
{
    struct cpu_run *run = task->run;
    uint32_t begin, end;

    cpu_share_rows(task, &begin, &end);
    for (uint32_t slot = 0; slot < run->slots; slot++) {
        const struct column *c = cpu_column(run, slot);
        if (schedule_saves(c, layer) && begin < end)
            memcpy(cpu_edit_checkpoint(run->cpu, c->save, layer) + begin,
                   cpu_reg(run->cpu, REG_X, slot) + begin, (end - begin) * sizeof(float));
    }
}

static void run_node(struct cpu_task *task, uint32_t index)
{
    struct cpu_run *run = task->run;
    const bool hooked = run->schedule->hooked[index];

    task->index = index;
    task->node = &graph_of(run)->node[index];
    if (hooked)
        CPU_PASS_ALONE(task, cpu_hook_save(run, index));
    else if (run->pass->watch || run->cpu->nodes[index].barrier)
        wait_all(task);
    if (run->schedule->guarded[index])
        cpu_twin_keep(task);
    CPU_OPS[task->node->op].run(task);
    if (task->thread == 0)
        executor_work_op(&run->cpu->base, run->schedule, index,
                         (struct executor_work_slots){0, run->slots});
    if (hooked)
        CPU_PASS_ALONE(task, cpu_hook_apply(run, index, 0));
    if (run->schedule->guarded[index])
        cpu_guard(task);
    if (run->pass->watch)
        CPU_PASS_ALONE(task, cpu_watch(run, task->node));
}

static void run_layer(struct cpu_task *task, uint32_t layer)
{
    struct cpu_run *run = task->run;
    const struct graph *graph = graph_of(run);
    const uint32_t tail = run->schedule->tail[layer];

    for (uint32_t i = graph->layer_begin[layer]; i < graph->layer_begin[layer + 1]; i++) {
        run_node(task, i);
        if (graph->node[i].op == OP_STORE && tail < run->slots) {
            CPU_PASS_ALONE(task, run->slots = tail);
            if (tail == 0)
                return;
        }
    }
    /* The last node is an ADD on X: its parts are this thread's own. */
    save_residuals(task, layer + 1);
}

/* First thread: moves the rows of the columns with outputs, by way of T. */
static void enter_output(struct cpu_run *run)
{
    const struct schedule *s = run->schedule;
    const uint32_t layer = n_layers(run);
    const size_t row = cpu_hparams(run->cpu)->n_embd * sizeof(float);
    const bool gathers = schedule_gathers(s);

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const uint32_t column = s->output[i];
        if (schedule_loads(&run->pass->columns[column], layer))
            load_residual(run, gathers ? REG_T : REG_X, i, column, layer);
        else if (gathers)
            memcpy(cpu_reg(run->cpu, REG_T, i), cpu_reg(run->cpu, REG_X, s->slot[column]), row);
    }
    for (uint32_t i = 0; gathers && i < s->n_outputs; i++)
        memcpy(cpu_reg(run->cpu, REG_X, i), cpu_reg(run->cpu, REG_T, i), row);
    run->column = s->output;
    run->slot = s->output_slot;
    run->slots = s->n_outputs;
}

/* First thread: hands out the requested rows that enter the output matrix; only columns that need
 * logits go on. */
static void leave_hidden(struct cpu_run *run)
{
    const uint32_t n_embd = cpu_hparams(run->cpu)->n_embd;

    for (uint32_t slot = 0; slot < run->slots; slot++) {
        const uint32_t column = run->column[slot];
        float *hidden = run->cpu->hidden + (size_t)column * n_embd;
        if (!(run->pass->columns[column].outputs & COLUMN_HIDDEN))
            continue;
        memcpy(hidden, cpu_reg(run->cpu, REG_N, slot), n_embd * sizeof(*hidden));
        run->out[column].hidden = hidden;
    }
    run->slots = run->schedule->n_logits;
}

static void run_output(struct cpu_task *task)
{
    struct cpu_run *run = task->run;
    const uint32_t last = graph_of(run)->count - 1;

    CPU_PASS_ALONE(task, enter_output(run));
    if (run->slots == 0)
        return;
    for (uint32_t i = graph_of(run)->layer_begin[n_layers(run)]; i < last; i++)
        run_node(task, i);
    CPU_PASS_ALONE(task, leave_hidden(run));
    if (run->slots == 0)
        return;
    run_node(task, last);
    wait_all(task);
    cpu_logits_digest(task);
    CPU_PASS_ALONE(task, cpu_logits_finish(run));
}

static void run_thread(struct cpu_run *run)
{
    struct cpu_task task = {.run = run,
                            .thread = (uint32_t)omp_get_thread_num(),
                            .threads = (uint32_t)omp_get_num_threads()};
    uint32_t layer = run->pass->columns[0].start_layer, before = 0;

    assert(fpenv_is_set());
    if (task.thread != 0)
        fpenv_clear_underflow();
    if (task.thread == 0)
        run->threads = task.threads;
    if (layer == 0) {
        CPU_PASS_ALONE(&task, enter(run, 0));
        run_node(&task, 0);
        wait_all(&task);
        task.node = &graph_of(run)->node[0];
        save_residuals(&task, 0);
    }
    for (; layer < n_layers(run); layer++) {
        const uint32_t n = run->schedule->active[layer];
        if (n == 0)
            break;
        if (layer > 0 && (n != before || n != run->slots))
            CPU_PASS_ALONE(&task, enter(run, layer));
        before = n;
        run_layer(&task, layer);
    }
    run_output(&task);
    if (run->pass->n_guards > 0) {
        wait_all(&task);
        cpu_guard_abft_end(&task);
    }
    cpu_scratch_of(&task)->underflow = fpenv_underflow();
}

/* The workers' flags become flags of the caller, where fpenv.h reads and clears them. */
static void raise_underflow(const struct cpu_run *run)
{
    volatile float tiny = 1e-30f;

    for (uint32_t t = 0; t < run->threads; t++) {
        if (run->cpu->scratch[t].underflow && !fpenv_underflow())
            tiny = tiny * tiny;
    }
}

enum status cpu_pass(struct executor *ex, const struct schedule *schedule,
                     struct column_result *out)
{
    const struct pass *pass = schedule->pass;
    struct cpu *cpu = (struct cpu *)ex;
    const bool crowded = cpu->threads > (uint32_t)omp_get_num_procs();
    struct cpu_run run = {.cpu = cpu,
                          .schedule = schedule,
                          .pass = pass,
                          .column = schedule->column,
                          .slot = schedule->slot,
                          .out = out,
                          .team = {.spins = crowded ? 0 : CPU_TEAM_SPINS}};
    enum status st = cpu_prepare(&run);

    memset(out, 0, pass->n_columns * sizeof(*out));
    if (!st)
        st = cpu_guard_begin(&run);
    if (!st) {
#pragma omp parallel num_threads((int)cpu->threads)
        run_thread(&run);
        raise_underflow(&run);
    }
    cpu_guard_end(pass);
    cpu_prepare_finish(&run);
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Attention as a whole: scores, softmax and heads of a unit in one thread, with nothing kept. */
#include "cpu/cpu_attention.h"

#include "cpu/cpu_ops.h"
#include "shared/order.h"

struct cpu_attention cpu_attention_job(const struct cpu_run *run, const struct node *node,
                                       uint32_t slot, uint32_t head)
{
    const struct cpu *cpu = run->cpu;
    const struct column *column = cpu_column(run, slot);
    const uint32_t position = column_last(column);
    const uint32_t row = cpu->score_row[run->column[slot]];
    const size_t first_feature = (size_t)head * cpu_hparams(cpu)->head_dim;
    struct cpu_attention job = {
        .cpu = cpu,
        .table = kv_table(cpu->base.kv, column->branch, node->layer),
        .layer = node->layer,
        .kv_head = head / cpu_group(cpu),
        .first = order_first_key(position, node->window),
        .last = position,
        .cap = node->cap,
        .heads = 1,
        .q = cpu_reg(cpu, REG_Q, slot) + first_feature,
        .score_stride = cpu->score_stride,
        .out = cpu_reg(cpu, REG_H, slot) + first_feature,
    };
    if (row != EXECUTOR_NONE) {
        const size_t first_head = head * cpu->score_stride;
        job.scores = cpu_reg(cpu, REG_S, row) + first_head;
        job.probs = cpu_reg(cpu, REG_P, row) + first_head;
    }
    return job;
}

static void fused(const struct cpu_attention *job)
{
    const struct cpu_kernels *kernels = job->cpu->kernels;

    kernels->scores(job);
    for (uint32_t h = 0; h < job->heads; h++)
        kernels->softmax(job->scores + h * job->score_stride, job->first, job->last,
                         job->probs + h * job->score_stride);
    kernels->heads(job);
}

/* A K/V head is read once for all its heads if that leaves every thread enough work. */
static uint32_t heads_a_unit(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    return task->run->slots * cpu_hparams(cpu)->n_head_kv >= 4 * task->threads ? cpu_group(cpu) : 1;
}

static void units(const struct cpu_task *task, bool kept,
                  void (*kernel)(const struct cpu_attention *job))
{
    const struct cpu *cpu = task->run->cpu;
    const uint32_t heads = heads_a_unit(task), slot_units = cpu_hparams(cpu)->n_head / heads;
    uint32_t begin, end;

    cpu_share(task, task->run->slots * slot_units, &begin, &end);
    for (uint32_t unit = begin; unit < end; unit++) {
        struct cpu_attention job =
            cpu_attention_job(task->run, task->node, unit / slot_units, unit % slot_units * heads);
        if ((job.scores != NULL) != kept)
            continue;
        job.heads = heads;
        job.panel = cpu_scratch_of(task)->attention_panel;
        if (!kept)
            job.scores = job.probs = cpu_scratch_of(task)->attention;
        kernel(&job);
    }
}

void cpu_attention(const struct cpu_task *task)
{
    units(task, false, fused);
}

void cpu_attention_units(const struct cpu_task *task,
                         void (*kernel)(const struct cpu_attention *job))
{
    units(task, true, kernel);
}

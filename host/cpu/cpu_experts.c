/* SPDX-License-Identifier: MIT */
/* EXPERTS: LINEAR by the matrix that each group of a column's rows has chosen; columns and groups
 * with the same expert read its rows once. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_weight.h"

static uint32_t rows_of(const struct node *node)
{
    return node->rows / node->groups;
}

static uint32_t expert_of(const struct cpu *cpu, const struct node *node, struct cpu_pair pair)
{
    return lang_bits(cpu_reg(cpu, node->in2, pair.slot)[pair.group]);
}

static const float *input_of(const struct cpu *cpu, const struct node *node, struct cpu_pair pair)
{
    return cpu_reg(cpu, node->in, pair.slot) + (size_t)pair.group * node->in_step;
}

static float *output_of(const struct cpu *cpu, const struct node *node, struct cpu_pair pair)
{
    return cpu_reg(cpu, node->out, pair.slot) + (size_t)pair.group * rows_of(node);
}

/* Pairs of an expert from `*next` on, at most as many as the executor has columns. */
static uint32_t find_pairs(const struct cpu_task *task, uint32_t expert, uint32_t *next)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    struct cpu_pair *pairs = cpu_scratch_of(task)->pairs;
    uint32_t n = 0;

    for (; *next < task->run->slots * node->groups && n < cpu->max_columns; ++*next) {
        const struct cpu_pair pair = {*next / node->groups, *next % node->groups};
        if (expert_of(cpu, node, pair) == expert)
            pairs[n++] = pair;
    }
    return n;
}

/* Rows [begin, end) of an expert for one pair, straight into its register. */
static void run_one(const struct cpu_task *task, struct cpu_linear *job, uint32_t begin,
                    uint32_t end)
{
    const struct cpu *cpu = task->run->cpu;
    const struct cpu_pair pair = *cpu_scratch_of(task)->pairs;

    job->n = 1;
    job->x = input_of(cpu, task->node, pair);
    job->y = output_of(cpu, task->node, pair);
    cpu->kernels->prepare(job);
    cpu->kernels->linear(job, job->y_row + begin, job->y_row + end);
}

/* The same for several, gathered and given back in pieces. */
static void run_several(const struct cpu_task *task, struct cpu_linear *job, uint32_t begin,
                        uint32_t end)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    struct cpu_scratch *scratch = cpu_scratch_of(task);
    const uint32_t first = job->y_row;

    for (uint32_t i = 0; i < job->n; i++)
        memcpy(scratch->gathered + (size_t)i * node->width, input_of(cpu, node, scratch->pairs[i]),
               node->width * sizeof(float));
    job->x = scratch->gathered;
    job->x_stride = node->width;
    job->y = scratch->logits;
    job->y_stride = CPU_LOGIT_ROWS;
    cpu->kernels->prepare(job);
    for (uint32_t row = begin; row < end; row += CPU_LOGIT_ROWS) {
        const uint32_t rows = end - row < CPU_LOGIT_ROWS ? end - row : CPU_LOGIT_ROWS;
        job->y_row = first + row;
        cpu->kernels->linear(job, job->y_row, job->y_row + rows);
        for (uint32_t i = 0; i < job->n; i++)
            memcpy(output_of(cpu, node, scratch->pairs[i]) + row, job->y + i * job->y_stride,
                   rows * sizeof(float));
    }
}

void cpu_experts(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share(task, rows_of(node) / CPU_TILE, &begin, &end);
    begin *= CPU_TILE;
    end *= CPU_TILE;
    for (uint32_t expert = 0; begin < end && expert < cpu_hparams(cpu)->n_expert; expert++) {
        for (uint32_t next = 0; next < task->run->slots * node->groups;) {
            struct cpu_linear job = cpu_linear_job(cpu, node, cpu_scratch_of(task));
            job.n = find_pairs(task, expert, &next);
            job.y_row = expert * rows_of(node);
            if (job.n == 1)
                run_one(task, &job, begin, end);
            else if (job.n > 1)
                run_several(task, &job, begin, end);
        }
    }
}

/* Leaves the input of a group with its faults in scratch->input; true: there are some. */
static bool read_input(const struct cpu_patch *patch, struct cpu_pair pair)
{
    const struct node *node = patch->node;
    const uint32_t first = pair.group * rows_of(node);
    const float *in = patch->in + (size_t)pair.group * node->in_step;
    const bool any = cpu_hook_in(patch, HOOK_OPERAND, first);

    memcpy(patch->scratch->input, in, node->width * sizeof(*in));
    for (uint32_t k = 0; any && k < node->width; k++)
        patch->scratch->input[k] =
            cpu_hook_value(patch, (struct cpu_hook_at){HOOK_OPERAND, first, k, HOOK_NONE}, in[k]);
    return any;
}

/* All rows of a group from scratch->input, by the kernel of the form. */
static void group_rows(const struct cpu_patch *patch, uint32_t expert, float *y)
{
    const struct cpu *cpu = patch->run->cpu;
    const uint32_t rows = rows_of(patch->node);
    struct cpu_linear job = cpu_linear_job(cpu, patch->node, patch->scratch);

    job.n = 1;
    job.x = patch->scratch->input;
    job.y = y;
    job.y_row = expert * rows;
    cpu->kernels->prepare(&job);
    cpu->kernels->linear(&job, job.y_row, job.y_row + rows);
}

/* A fault of the row alone. */
static bool concerned(const struct cpu_patch *patch, uint32_t row)
{
    for (uint32_t point = HOOK_WEIGHT; point <= HOOK_LAST; point++) {
        if (cpu_hook_in(patch, point, row))
            return true;
    }
    return false;
}

void cpu_experts_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    const uint32_t rows = rows_of(node);

    for (uint32_t group = 0; group < node->groups; group++) {
        const struct cpu_pair pair = {patch->slot, group};
        const uint32_t expert = expert_of(cpu, node, pair);
        float *y = output_of(cpu, node, pair);
        if (read_input(patch, pair))
            group_rows(patch, expert, y);
        for (uint32_t i = 0; i < rows; i++) {
            const uint32_t row = group * rows + i;
            const struct cpu_hook_at at = {HOOK_OUT, row, HOOK_NONE, HOOK_NONE};
            if (concerned(patch, row))
                y[i] = cpu_hook_result(patch, at, cpu_linear_row(patch, row, expert * rows + i),
                                       cpu->base.act);
        }
    }
}

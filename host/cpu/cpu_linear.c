/* SPDX-License-Identifier: MIT */
/* LINEAR: rows of a weight matrix times columns of activations. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_twin.h"
#include "cpu/cpu_weight.h"
#include "model/dot.h"

void cpu_linear_prepare_scalar(const struct cpu_linear *job)
{
    const uint32_t width = (uint32_t)job->weight->tensor->dim[0];
    const enum quant_form form = quant_form(job->weight->tensor->type);
    const size_t sums = order_ceil(width, NM_BLOCK) * quant_halves(form);

    for (uint32_t i = 0; i < job->n; i++)
        dot_sums(form, job->x + i * job->x_stride, width, job->scratch->sum_x + i * sums);
}

void cpu_linear_scalar(const struct cpu_linear *job, uint32_t row_begin, uint32_t row_end)
{
    const struct tensor *t = job->weight->tensor;
    const uint32_t width = (uint32_t)t->dim[0];
    const size_t sums = order_ceil(width, NM_BLOCK) * quant_halves(quant_form(t->type));
    const size_t row_bytes = quant_row_bytes(t->type, width);

    for (uint32_t row = row_begin; row < row_end; row++) {
        cpu_weight_decode(job->weight, t->data + row * row_bytes, job->scratch->block);
        for (uint32_t i = 0; i < job->n; i++) {
            const struct dot p = {.type = t->type,
                                  .width = width,
                                  .blocks = job->scratch->block,
                                  .x = job->x + i * job->x_stride,
                                  .sums = job->scratch->sum_x + i * sums};
            float y = dot_row(&p);
            if (job->bias)
                y = y + job->bias[row];
            cpu_cap(&y, 1, job->cap);
            job->y[i * job->y_stride + (row - job->y_row)] = cpu_round(y, job->act);
        }
    }
}

struct cpu_linear cpu_linear_job(const struct cpu *cpu, const struct node *node,
                                 struct cpu_scratch *scratch)
{
    return (struct cpu_linear){.weight = cpu_weight_of(cpu, node->weight),
                               .bias = node->bias ? cpu_weight_floats(node->bias) : NULL,
                               .cap = node->cap,
                               .x_stride = cpu->stride[node->in],
                               .y_stride = cpu->stride[node->out],
                               .act = graph_reg_wide(node->out) ? NM_F32 : (uint32_t)cpu->base.act,
                               .scratch = scratch};
}

/* The only column and its twin, in pieces. */
static void run_both(const struct cpu_task *task, struct cpu_linear *job, uint32_t begin,
                     uint32_t end)
{
    const struct cpu *cpu = task->run->cpu;

    job->y = job->scratch->logits;
    job->y_stride = CPU_LOGIT_ROWS;
    for (job->y_row = begin; job->y_row < end; job->y_row += CPU_LOGIT_ROWS) {
        const uint32_t rows = end - job->y_row < CPU_LOGIT_ROWS ? end - job->y_row : CPU_LOGIT_ROWS;
        cpu->kernels->linear(job, job->y_row, job->y_row + rows);
        memcpy(cpu->reg[task->node->out] + job->y_row, job->y, rows * sizeof(*job->y));
        memcpy(cpu->twin + job->y_row, job->y + job->y_stride, rows * sizeof(*job->y));
    }
}

void cpu_linear(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    struct cpu_linear job = cpu_linear_job(cpu, node, cpu_scratch_of(task));
    const bool doubled = cpu_twin_doubles(task);
    uint32_t begin, end;

    job.n = doubled ? 2 : task->run->slots;
    job.x_stride = doubled ? 0 : job.x_stride;
    job.x = cpu->reg[node->in];
    job.y = cpu->reg[node->out];
    cpu_share_rows(task, &begin, &end);
    /* A thread without rows takes part: it may have rows of a later node with the same input. */
    if (!cpu->nodes[task->index].prepared || task->run->twins)
        cpu->kernels->prepare(&job);
    if (doubled)
        run_both(task, &job, begin, end);
    else if (begin < end && job.n > 0)
        cpu->kernels->linear(&job, begin, end);
}

static bool reads(const struct hook *hook, uint32_t row)
{
    return hook->point == HOOK_OPERAND && row - hook->data.reader < hook->data.readers;
}

static bool reads_all(const struct hook *hook, uint32_t rows)
{
    return hook->point == HOOK_OPERAND && hook->data.reader == 0 && hook->data.readers >= rows;
}

/* The column as `row` reads it; only the faults of hook `noted` (or null) are counted. */
static void operand(const struct cpu_patch *patch, uint32_t row, const struct hook *noted, float *x)
{
    memcpy(x, patch->in, patch->node->width * sizeof(*x));
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        struct hook_data *d = &patch->hooks[i]->data;
        if (!reads(patch->hooks[i], row))
            continue;
        for (uint32_t j = 0; j < d->ks; j++) {
            float *value = &x[d->k + j * d->k_step];
            *value = lang_float(cpu_hook_edit(patch->run, d, j, nm_canon(lang_bits(*value)),
                                              patch->hooks[i] == noted));
        }
    }
}

/* Each operand fault is counted once, as its first reader sees it. True if all outputs see one. */
static bool note_operands(const struct cpu_patch *patch)
{
    bool all = false;

    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        const struct hook *hook = patch->hooks[i];
        if (hook->point != HOOK_OPERAND)
            continue;
        operand(patch, hook->data.reader, hook, patch->scratch->input);
        all |= reads_all(hook, patch->node->rows);
    }
    return all;
}

/* All outputs of a column with one input changed, by the kernel of the form. */
static void all_rows(const struct cpu_patch *patch, float *y)
{
    const struct cpu *cpu = patch->run->cpu;
    struct cpu_linear job = cpu_linear_job(cpu, patch->node, patch->scratch);
    struct cpu_patch shared = *patch;
    struct hook *hooks[patch->n_hooks];

    shared.hooks = hooks;
    shared.n_hooks = 0;
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        if (reads_all(patch->hooks[i], patch->node->rows))
            hooks[shared.n_hooks++] = patch->hooks[i];
    }
    operand(&shared, 0, NULL, patch->scratch->input);
    job.n = 1;
    job.x = patch->scratch->input;
    job.y = y;
    cpu->kernels->prepare(&job);
    cpu->kernels->linear(&job, 0, patch->node->rows);
}

/* Faults inside the sum of an output. */
struct partial {
    const struct cpu_patch *patch;
    uint32_t row;
};

static float edit_partial(void *user, uint32_t k, float chain)
{
    const struct partial *p = user;
    return cpu_hook_value(p->patch, (struct cpu_hook_at){HOOK_PARTIAL, p->row, k, HOOK_NONE},
                          chain);
}

static float edit_accumulator(void *user, uint32_t b, float run)
{
    const struct partial *p = user;
    return cpu_hook_value(p->patch, (struct cpu_hook_at){HOOK_ACCUMULATOR, p->row, b, HOOK_NONE},
                          run);
}

float cpu_linear_row(const struct cpu_patch *patch, uint32_t row, uint64_t weight_row)
{
    const struct node *node = patch->node;
    const struct cpu_weight *weight = cpu_weight_of(patch->run->cpu, node->weight);
    struct cpu_scratch *scratch = patch->scratch;
    const uint8_t *stored = cpu_weight_row(weight, weight_row, scratch->row);

    if (cpu_hook_in(patch, HOOK_WEIGHT, row)) {
        if (stored != scratch->row)
            memcpy(scratch->row, stored, quant_row_bytes(node->weight->type, node->width));
        stored = scratch->row;
        cpu_hook_weights(patch, row, scratch->row);
    }
    cpu_weight_decode(weight, stored, scratch->block);
    dot_sums(quant_form(node->weight->type), scratch->input, node->width, scratch->sum_x);
    struct partial partial = {patch, row};
    const bool chains = cpu_hook_in(patch, HOOK_PARTIAL, row);
    const bool joins = cpu_hook_in(patch, HOOK_ACCUMULATOR, row);
    float value = dot_row(&(struct dot){.type = node->weight->type,
                                        .width = node->width,
                                        .blocks = scratch->block,
                                        .x = scratch->input,
                                        .sums = scratch->sum_x,
                                        .edit = chains ? edit_partial : NULL,
                                        .join = joins ? edit_accumulator : NULL,
                                        .user = &partial});
    if (node->bias)
        value = value + cpu_weight_floats(node->bias)[row];
    cpu_cap(&value, 1, node->cap);
    return value;
}

/* One output again, with all faults. */
static float one_row(const struct cpu_patch *patch, uint32_t row)
{
    operand(patch, row, NULL, patch->scratch->input);
    return cpu_linear_row(patch, row, row);
}

/* True if the output has a fault besides those of operands that all outputs read. */
static bool concerned(const struct cpu_patch *patch, uint32_t row)
{
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        const struct hook *hook = patch->hooks[i];
        if (hook->point == HOOK_OPERAND
                ? reads(hook, row) && !reads_all(hook, patch->node->rows)
                : hook_index(hook->data, row, HOOK_NONE, HOOK_NONE) != HOOK_NONE)
            return true;
    }
    return false;
}

void cpu_linear_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    const bool logits = node->out == REG_L;
    const uint32_t act = graph_reg_wide(node->out) ? NM_F32 : (uint32_t)cpu->base.act;
    float *y = logits ? cpu->reg[REG_L] +
                            cpu->stride[REG_L] * cpu->full_row[patch->run->column[patch->slot]]
                      : cpu_reg(cpu, node->out, patch->slot);

    if (note_operands(patch))
        all_rows(patch, y);
    for (uint32_t row = 0; row < node->rows; row++) {
        if (concerned(patch, row))
            y[row] =
                cpu_hook_result(patch, (struct cpu_hook_at){HOOK_OUT, row, HOOK_NONE, HOOK_NONE},
                                one_row(patch, row), act);
    }
}

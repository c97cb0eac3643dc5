/* SPDX-License-Identifier: MIT */
/* LINEAR: rows of a weight matrix times columns of activations. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_order.h"
#include "cpu/cpu_weight.h"

static void block_sums(const float *x, uint32_t width, float *out)
{
    struct cpu_order sum;

    cpu_order_open(&sum);
    for (uint32_t k = 0; k < width; k++) {
        cpu_order_term(&sum, k, x[k]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == width)
            out[k / NM_BLOCK] = cpu_order_join(&sum);
    }
}

/* Sum of codes times x over elements [from, to) of a block; `partial`: fault, k in the row. */
static float terms(const struct quant_block *block, const float *x, uint32_t from, uint32_t to,
                   struct hook_data *partial)
{
    struct cpu_order sum;

    cpu_order_open(&sum);
    for (uint32_t i = from; i < to; i++) {
        cpu_order_term(&sum, i, block->code[i] * x[i]);
        if (partial && i == partial->k % NM_BLOCK)
            sum.chain[i % 4] = cpu_hook_value(partial, sum.chain[i % 4]);
    }
    return cpu_order_join(&sum);
}

/* A decoded row and the column it is multiplied with. */
struct product {
    enum quant type;
    uint32_t width;
    const struct quant_block *blocks;
    const float *x, *sum_x;
};

/* One output, without its bias. */
static float dot(const struct product *p, struct hook_data *partial)
{
    const enum quant_form form = quant_form(p->type);
    struct cpu_order sum;

    cpu_order_begin(&sum);
    for (uint32_t b = 0; b < cpu_ceil(p->width, NM_BLOCK); b++) {
        const struct quant_block *block = &p->blocks[b];
        const float *x = p->x + (size_t)b * NM_BLOCK;
        struct hook_data *fault = partial && partial->k / NM_BLOCK == b ? partial : NULL;
        float t;
        if (form == QUANT_FORM_HALF) {
            const float low = terms(block, x, 0, 16, fault);
            const float high = terms(block, x, 16, 32, fault);
            t = block->scale[0] * low + block->scale[1] * high;
        } else {
            t = terms(block, x, 0, block->count, fault);
            if (form != QUANT_FORM_PLAIN)
                t = block->scale[0] * t;
            if (form == QUANT_FORM_MIN)
                t = t + block->min * p->sum_x[b];
        }
        cpu_order_block(&sum, b, t);
    }
    return cpu_order_end(&sum);
}

void cpu_linear_prepare_scalar(const struct cpu_linear *job)
{
    const uint32_t width = (uint32_t)job->weight->tensor->dim[0];

    for (uint32_t i = 0; i < job->n; i++)
        block_sums(job->x + i * job->x_stride, width,
                   job->scratch->sum_x + (size_t)i * cpu_ceil(width, NM_BLOCK));
}

void cpu_linear_scalar(const struct cpu_linear *job, uint32_t row_begin, uint32_t row_end)
{
    const struct tensor *t = job->weight->tensor;
    const uint32_t width = (uint32_t)t->dim[0], blocks = cpu_ceil(width, NM_BLOCK);
    const size_t row_bytes = quant_row_bytes(t->type, width);

    for (uint32_t row = row_begin; row < row_end; row++) {
        cpu_weight_decode(job->weight, t->data + row * row_bytes, job->scratch->block);
        for (uint32_t i = 0; i < job->n; i++) {
            const struct product p = {.type = t->type,
                                      .width = width,
                                      .blocks = job->scratch->block,
                                      .x = job->x + i * job->x_stride,
                                      .sum_x = job->scratch->sum_x + (size_t)i * blocks};
            float y = dot(&p, NULL);
            if (job->bias)
                y = y + job->bias[row];
            job->y[i * job->y_stride + (row - job->y_row)] = cpu_round(y, job->act);
        }
    }
}

struct cpu_linear cpu_linear_job(const struct cpu *cpu, const struct node *node,
                                 struct cpu_scratch *scratch)
{
    return (struct cpu_linear){.weight = cpu_weight_of(cpu, node->weight),
                               .bias = node->bias ? cpu_weight_floats(node->bias) : NULL,

                               .x_stride = cpu->stride[node->in],
                               .y_stride = cpu->stride[node->out],
                               .act = node->out == REG_L ? NM_F32 : (uint32_t)cpu->base.act,
                               .scratch = scratch};
}

void cpu_linear(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    struct cpu_linear job = cpu_linear_job(cpu, node, cpu_scratch_of(task));
    uint32_t begin, end;

    job.n = task->run->slots;
    job.x = cpu->reg[node->in];
    job.y = cpu->reg[node->out];
    cpu_share_rows(task, &begin, &end);
    /* Also without rows: a later node with the same input may have some. */
    if (!cpu->nodes[task->index].prepared)
        cpu->kernels->prepare(&job);
    if (begin < end && job.n > 0)
        cpu->kernels->linear(&job, begin, end);
}

/* All outputs of a column with one input element changed. */
static void patch_operand(const struct cpu_patch *patch, float *y)
{
    const struct cpu *cpu = patch->run->cpu;
    struct hook_data *data = &patch->hook->data;
    struct cpu_linear job = cpu_linear_job(cpu, patch->node, patch->scratch);
    float *x = patch->scratch->input;

    memcpy(x, patch->in, patch->node->width * sizeof(*x));
    x[data->k] = cpu_hook_value(data, x[data->k]);
    job.n = 1;
    job.x = x;
    job.y = y;
    cpu->kernels->prepare(&job);
    cpu->kernels->linear(&job, 0, patch->node->rows);
}

void cpu_linear_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    const enum quant type = node->weight->type;
    struct cpu_scratch *scratch = patch->scratch;
    struct hook_data *data = &patch->hook->data;
    const bool logits = node->out == REG_L;
    float *y =
        logits ? cpu->reg[REG_L] + cpu->stride[REG_L] * cpu->full_row[cpu->slot_column[patch->slot]]
               : cpu_reg(cpu, node->out, patch->slot);

    if (patch->hook->point == HOOK_OPERAND) {
        patch_operand(patch, y);
        return;
    }
    const struct cpu_weight *weight = cpu_weight_of(cpu, node->weight);
    const uint8_t *row = cpu_weight_row(weight, data->row, scratch->row);
    if (patch->hook->point == HOOK_WEIGHT) {
        const enum quant_field field = (enum quant_field)data->field;
        if (row != scratch->row)
            memcpy(scratch->row, row, quant_row_bytes(type, node->width));
        row = scratch->row;
        quant_field_write(type, scratch->row, data->k, field,
                          cpu_hook_bits(data, quant_field_read(type, row, data->k, field)));
    }
    cpu_weight_decode(weight, row, scratch->block);
    block_sums(patch->in, node->width, scratch->sum_x);
    const struct product p = {.type = type,
                              .width = node->width,
                              .blocks = scratch->block,
                              .x = patch->in,
                              .sum_x = scratch->sum_x};
    float value = dot(&p, cpu_hook_at(patch, HOOK_PARTIAL));
    if (node->bias)
        value = value + cpu_weight_floats(node->bias)[data->row];
    y[data->row] = cpu_hook_result(patch->hook, value, logits ? NM_F32 : (uint32_t)cpu->base.act);
}

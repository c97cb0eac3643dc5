/* SPDX-License-Identifier: MIT */
/* NORM: RMS norm of each group of a row. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_order.h"
#include "cpu/cpu_weight.h"

/* 1 / sqrt(mean of squares + eps); `partial`: a fault or null. */
static float group_factor(const float *x, uint32_t width, float eps, struct hook_data *partial)
{
    const float inv_width = 1.0f / (float)width;
    struct cpu_order sum;

    cpu_order_begin(&sum);
    for (uint32_t k = 0; k < width; k++) {
        cpu_order_term(&sum, k, x[k] * x[k]);
        if (partial && partial->k == k)
            sum.chain[k % 4] = cpu_hook_value(partial, sum.chain[k % 4]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == width)
            cpu_order_block(&sum, k / NM_BLOCK, cpu_order_join(&sum));
    }
    return nm_rsqrt(cpu_order_end(&sum) * inv_width + eps);
}

void cpu_norm_scalar(const struct cpu_norm *job)
{
    const float r = group_factor(job->x, job->width, job->eps, NULL);

    for (uint32_t k = 0; k < job->width; k++)
        job->out[k] = cpu_round((job->x[k] * r) * job->gain[k], job->act);
}

void cpu_norm(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share(task, task->run->slots * node->groups, &begin, &end);
    for (uint32_t unit = begin; unit < end; unit++) {
        const uint32_t slot = unit / node->groups;
        const size_t group = (size_t)(unit % node->groups) * node->width;
        const struct cpu_norm job = {.x = cpu_reg(cpu, node->in, slot) + group,
                                     .gain = cpu_weight_floats(node->weight),
                                     .out = cpu_reg(cpu, node->out, slot) + group,
                                     .width = node->width,
                                     .act = cpu->base.act,
                                     .eps = cpu_hparams(cpu)->norm_eps};
        cpu->kernels->norm(&job);
    }
}

void cpu_norm_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    struct hook *hook = patch->hook;
    const uint32_t group = hook->data.row / node->width * node->width;
    const uint32_t k = hook->data.row % node->width;
    const float eps = cpu_hparams(cpu)->norm_eps;
    const float *x = patch->in + group, *gain = cpu_weight_floats(node->weight);
    float *out = cpu_reg(cpu, node->out, patch->slot) + group;

    if (hook->point == HOOK_OPERAND || hook->point == HOOK_PARTIAL) {
        float *faulty = patch->scratch->input;
        memcpy(faulty, x, node->width * sizeof(*x));
        if (hook->point == HOOK_OPERAND)
            faulty[hook->data.k] = cpu_hook_value(&hook->data, faulty[hook->data.k]);
        const float r = group_factor(faulty, node->width, eps, cpu_hook_at(patch, HOOK_PARTIAL));
        for (uint32_t i = 0; i < node->width; i++)
            out[i] = cpu_round((faulty[i] * r) * gain[i], cpu->base.act);
        return;
    }
    const float r = group_factor(x, node->width, eps, NULL);
    float g = gain[k];
    if (hook->point == HOOK_WEIGHT)
        g = lang_float(cpu_hook_bits(&hook->data, lang_bits(g)));
    out[k] = cpu_hook_result(hook, (x[k] * r) * g, cpu->base.act);
}

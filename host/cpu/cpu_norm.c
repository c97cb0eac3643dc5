/* SPDX-License-Identifier: MIT */
/* NORM: RMS norm of each group of a row. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_weight.h"

/* 1 / sqrt(mean of squares + eps); `patch`: with its faults of a group, or null. */
static float group_factor(const struct cpu_norm *job, const struct cpu_patch *patch, uint32_t group)
{
    const uint32_t width = job->width;
    const float *x = job->x;
    const float inv_width = 1.0f / (float)width;
    struct order sum;

    order_begin(&sum);
    for (uint32_t k = 0; k < width; k++) {
        order_term(&sum, k, x[k] * x[k]);
        if (patch)
            sum.chain[k % 4] = cpu_hook_value(
                patch, (struct cpu_hook_at){HOOK_PARTIAL, group, k, HOOK_NONE}, sum.chain[k % 4]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == width)
            cpu_hook_block(patch, (struct cpu_hook_at){0, group, k / NM_BLOCK, HOOK_NONE}, &sum);
    }
    return nm_rsqrt(order_end(&sum) * inv_width + job->eps);
}

void cpu_norm_scalar(const struct cpu_norm *job)
{
    const float r = group_factor(job, NULL, 0);

    for (uint32_t k = 0; k < job->width; k++)
        job->out[k] = cpu_round((job->x[k] * r) * job->gain[k], job->act);
}

static void run_group(const struct cpu_task *task, uint32_t slot, size_t at)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    const struct cpu_norm job = {.x = cpu_reg(cpu, node->in, slot) + at,
                                 .gain = cpu_weight_floats(node->weight),
                                 .out = cpu_reg(cpu, node->out, slot) + at,
                                 .width = node->width,
                                 .act = cpu->base.act,
                                 .eps = cpu_hparams(cpu)->norm_eps};
    cpu->kernels->norm(&job);
}

void cpu_norm(const struct cpu_task *task)
{
    cpu_share_groups(task, run_group);
}

/* One group again, with all faults. */
static void patch_group(const struct cpu_patch *patch, uint32_t group)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    const float *gain = cpu_weight_floats(node->weight);
    float *out = cpu_reg(cpu, node->out, patch->slot) + group;
    float *x = patch->scratch->input;
    const struct cpu_norm job = {.x = x,
                                 .gain = gain,
                                 .out = out,
                                 .width = node->width,
                                 .act = cpu->base.act,
                                 .eps = cpu_hparams(cpu)->norm_eps};

    for (uint32_t k = 0; k < node->width; k++)
        x[k] = cpu_hook_value(patch, (struct cpu_hook_at){HOOK_OPERAND, group, k, HOOK_NONE},
                              patch->in[group + k]);
    const float r = group_factor(&job, patch, group);
    for (uint32_t k = 0; k < node->width; k++) {
        struct cpu_hook_at at = {HOOK_WEIGHT, group + k, HOOK_NONE, HOOK_NONE};
        const float g = lang_float(cpu_hook_bits(patch, at, lang_bits(gain[k])));
        out[k] = cpu_hook_result(patch, at, (x[k] * r) * g, cpu->base.act);
    }
}

void cpu_norm_patch(const struct cpu_patch *patch)
{
    for (uint32_t group = 0; group < patch->node->rows; group += patch->node->width)
        patch_group(patch, group);
}

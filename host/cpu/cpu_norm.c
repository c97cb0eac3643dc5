/* SPDX-License-Identifier: MIT */
/* NORM and LAYER_NORM of each group of a row. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_weight.h"

/* One of a norm's sums over a group; faults name its terms and blocks after those of the other. */
struct total {
    const struct cpu_patch *patch; /* null: no faults */
    uint32_t group;
    uint32_t before; /* sums before this one: 0 or 1 */
};

static float total_of(const struct cpu_norm *job, const float *terms, struct total t)
{
    const uint32_t width = job->width, k0 = t.before * width;
    const uint32_t b0 = t.before * order_ceil(width, NM_BLOCK);
    struct order sum;

    order_begin(&sum);
    for (uint32_t k = 0; k < width; k++) {
        order_term(&sum, k, terms[k]);
        if (t.patch)
            sum.chain[k % 4] = cpu_hook_value(
                t.patch, (struct cpu_hook_at){HOOK_PARTIAL, t.group, k0 + k, HOOK_NONE},
                sum.chain[k % 4]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == width)
            cpu_hook_block(t.patch, (struct cpu_hook_at){0, t.group, b0 + k / NM_BLOCK, HOOK_NONE},
                           &sum, k / NM_BLOCK);
    }
    return order_end(&sum);
}

/* Leaves the centred values of a layer norm in `out`, or the values; returns the factor on them,
 * 1 / sqrt(mean of squares + eps). `terms`: (width) room. */
static float centre(const struct cpu_norm *job, float *terms, struct total t)
{
    const float inv_width = 1.0f / (float)job->width;
    float mean = 0;

    if (job->bias) {
        for (uint32_t k = 0; k < job->width; k++)
            terms[k] = job->x[k] * inv_width;
        mean = total_of(job, terms, t);
        t.before = 1;
    }
    for (uint32_t k = 0; k < job->width; k++) {
        job->out[k] = job->bias ? job->x[k] - mean : job->x[k];
        terms[k] = job->out[k] * job->out[k];
    }
    return nm_rsqrt(total_of(job, terms, t) * inv_width + job->eps);
}

void cpu_norm_scalar(const struct cpu_norm *job)
{
    const float r = centre(job, job->terms, (struct total){0});

    for (uint32_t k = 0; k < job->width; k++) {
        const float y = (job->out[k] * r) * job->gain[k];
        job->out[k] = cpu_round(job->bias ? y + job->bias[k] : y, job->act);
    }
}

static struct cpu_norm job_of(const struct cpu *cpu, const struct node *node,
                              struct cpu_scratch *scratch)
{
    return (struct cpu_norm){.gain = cpu_weight_floats(node->weight),
                             .bias = node->bias ? cpu_weight_floats(node->bias) : NULL,
                             .terms = scratch->terms,
                             .width = node->width,
                             .act = cpu->base.act,
                             .eps = cpu_hparams(cpu)->norm_eps};
}

static void run_group(const struct cpu_task *task, uint32_t slot, size_t at)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    struct cpu_norm job = job_of(cpu, node, cpu_scratch_of(task));

    job.x = cpu_reg(cpu, node->in, slot) + at;
    job.out = cpu_reg(cpu, node->out, slot) + at;
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
    struct cpu_norm job = job_of(cpu, node, patch->scratch);
    float *out = cpu_reg(cpu, node->out, patch->slot) + group;
    float *x = patch->scratch->input;

    job.x = job.out = x;
    for (uint32_t k = 0; k < node->width; k++)
        x[k] = cpu_hook_value(patch, (struct cpu_hook_at){HOOK_OPERAND, group, k, HOOK_NONE},
                              patch->in[group + k]);
    const float r = centre(&job, job.terms, (struct total){.patch = patch, .group = group});
    for (uint32_t k = 0; k < node->width; k++) {
        struct cpu_hook_at at = {HOOK_WEIGHT, group + k, HOOK_NONE, HOOK_NONE};
        const float g = lang_float(cpu_hook_bits(patch, at, lang_bits(job.gain[k])));
        const float y = (x[k] * r) * g;
        out[k] = cpu_hook_result(patch, at, job.bias ? y + job.bias[k] : y, cpu->base.act);
    }
}

void cpu_norm_patch(const struct cpu_patch *patch)
{
    for (uint32_t group = 0; group < patch->node->rows; group += patch->node->width)
        patch_group(patch, group);
}

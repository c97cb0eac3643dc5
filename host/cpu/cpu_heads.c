/* SPDX-License-Identifier: MIT */
/* HEADS: probabilities times values over the key positions seen, for each feature of a head. */
#include "cpu/cpu_attention.h"
#include "cpu/cpu_ops.h"
#include "model/sum_order.h"

/* Captures of V entries that the query does not see. */
static void capture_unseen(const struct cpu_patch *patch, const struct cpu_attention *job,
                           uint32_t row)
{
    for (uint32_t key = 0; cpu_hook_unseen(patch, row, job, &key); key++)
        cpu_hook_bits(patch, (struct cpu_hook_at){HOOK_WEIGHT, row, HOOK_NONE, key},
                      cpu_attention_stored(job, true, key, row % patch->node->width));
}

/* One feature of a head's output; `patch`: with its faults of a row, or null. */
static float weighted(const struct cpu_attention *job, const float *probs, uint32_t feature,
                      const struct cpu_patch *patch, uint32_t row)
{
    struct order sum;

    order_begin(&sum);
    for (uint32_t key = job->first; key <= job->last; key++) {
        uint32_t stored = cpu_attention_stored(job, true, key, feature);
        struct cpu_hook_at hook = {HOOK_WEIGHT, row, HOOK_NONE, key};
        if (patch)
            stored = cpu_hook_bits(patch, hook, stored);
        order_term(&sum, key, probs[key] * nm_load(stored, job->cpu->base.kv_storage));
        hook.point = HOOK_PARTIAL;
        if (patch)
            sum.chain[key % 4] = cpu_hook_value(patch, hook, sum.chain[key % 4]);
        if (key % NM_BLOCK == NM_BLOCK - 1 || key == job->last)
            order_block(&sum, key / NM_BLOCK, order_join(&sum));
    }
    return order_end(&sum);
}

void cpu_heads_scalar(const struct cpu_attention *job)
{
    const uint32_t head_dim = cpu_hparams(job->cpu)->head_dim;

    for (uint32_t h = 0; h < job->heads; h++) {
        for (uint32_t f = 0; f < head_dim; f++)
            job->out[(size_t)h * head_dim + f] = cpu_round(
                weighted(job, job->probs + h * job->score_stride, f, NULL, 0), job->cpu->base.act);
    }
}

void cpu_heads(const struct cpu_task *task)
{
    cpu_attention_units(task, task->run->cpu->kernels->heads);
}

void cpu_heads_patch(const struct cpu_patch *patch)
{
    const uint32_t head_dim = patch->node->width;
    float *probs = patch->scratch->attention;

    for (uint32_t row = 0; row < patch->node->rows; row++) {
        const uint32_t first_row = row - row % head_dim;
        const bool operand = cpu_hook_in(patch, HOOK_OPERAND, first_row);
        struct cpu_hook_at at = {HOOK_OPERAND, first_row, HOOK_NONE, 0};
        if (!operand && !cpu_hook_in(patch, HOOK_SEVERAL, row))
            continue;
        const struct cpu_attention job =
            cpu_attention_job(patch->run, patch->node, patch->slot, row / head_dim);
        capture_unseen(patch, &job, row);
        if (operand && row == first_row) {
            for (at.key = job.first; at.key <= job.last; at.key++)
                probs[at.key] = cpu_hook_value(patch, at, job.probs[at.key]);
        }
        const float *read = operand ? probs : job.probs;
        at = (struct cpu_hook_at){HOOK_OUT, row, HOOK_NONE, HOOK_NONE};
        job.out[row % head_dim] = cpu_hook_result(
            patch, at, weighted(&job, read, row % head_dim, patch, row), patch->run->cpu->base.act);
    }
}

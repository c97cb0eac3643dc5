/* SPDX-License-Identifier: MIT */
/* SCORES: query times key over the features of a head, for each key position seen. */
#include "cpu/cpu_attention.h"
#include "cpu/cpu_ops.h"

/* One score; `patch`: with its faults of a head, or null. */
static float score(const struct cpu_attention *job, const float *q, uint32_t key,
                   const struct cpu_patch *patch, uint32_t head)
{
    const uint32_t head_dim = cpu_hparams(job->cpu)->head_dim;
    struct order sum;

    order_begin(&sum);
    for (uint32_t k = 0; k < head_dim; k++) {
        struct cpu_hook_at hook = {HOOK_WEIGHT, head, k, key};
        uint32_t stored = cpu_attention_stored(job, false, key, k);
        if (patch)
            stored = cpu_hook_bits(patch, hook, stored);
        order_term(&sum, k, q[k] * nm_load(stored, job->cpu->base.kv_storage));
        hook.point = HOOK_PARTIAL;
        if (patch)
            sum.chain[k % 4] = cpu_hook_value(patch, hook, sum.chain[k % 4]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == head_dim)
            cpu_hook_block(patch, (struct cpu_hook_at){0, head, k / NM_BLOCK, key}, &sum,
                           k / NM_BLOCK);
    }
    return order_end(&sum);
}

/* Captures of K entries that the query does not see. */
static void capture_unseen(const struct cpu_patch *patch, const struct cpu_attention *job,
                           uint32_t head)
{
    const uint32_t head_dim = patch->node->width;

    for (uint32_t key = 0; cpu_hook_unseen(patch, head, job, &key); key++) {
        for (uint32_t k = 0; k < head_dim; k++)
            cpu_hook_bits(patch, (struct cpu_hook_at){HOOK_WEIGHT, head, k, key},
                          cpu_attention_stored(job, false, key, k));
    }
}

void cpu_scores_scalar(const struct cpu_attention *job)
{
    const uint32_t head_dim = cpu_hparams(job->cpu)->head_dim;

    for (uint32_t h = 0; h < job->heads; h++) {
        for (uint32_t key = job->first; key <= job->last; key++)
            job->scores[h * job->score_stride + key] =
                score(job, job->q + (size_t)h * head_dim, key, NULL, 0);
        cpu_cap(job->scores + h * job->score_stride + job->first, job->last - job->first + 1,
                job->cap);
    }
}

void cpu_scores(const struct cpu_task *task)
{
    cpu_attention_units(task, task->run->cpu->kernels->scores);
}

void cpu_scores_patch(const struct cpu_patch *patch)
{
    const uint32_t head_dim = patch->node->width;
    float *q = patch->scratch->input;

    for (uint32_t head = 0; head < patch->node->rows; head++) {
        const struct cpu_attention job =
            cpu_attention_job(patch->run, patch->node, patch->slot, head);
        if (!cpu_hook_in(patch, HOOK_SEVERAL, head))
            continue;
        capture_unseen(patch, &job, head);
        for (uint32_t k = 0; k < head_dim; k++)
            q[k] = cpu_hook_value(patch, (struct cpu_hook_at){HOOK_OPERAND, head, k, HOOK_NONE},
                                  patch->in[(size_t)head * head_dim + k]);
        for (uint32_t key = job.first; key <= job.last; key++) {
            float value = score(&job, q, key, patch, head);
            cpu_cap(&value, 1, job.cap);
            job.scores[key] = cpu_hook_result(
                patch, (struct cpu_hook_at){HOOK_OUT, head, HOOK_NONE, key}, value, NM_F32);
        }
    }
}

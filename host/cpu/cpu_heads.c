/* SPDX-License-Identifier: MIT */
/* HEADS: probabilities times values over the key positions seen, for each feature of a head. */
#include "cpu/cpu_attention.h"
#include "cpu/cpu_kv.h"
#include "cpu/cpu_ops.h"
#include "cpu/cpu_order.h"

/* One feature of a head's output; `weight`, `partial`: faults at their key, or null. */
static float weighted(const struct cpu_attention *job, const float *probs, uint32_t feature,
                      struct hook_data *weight, struct hook_data *partial)
{
    struct cpu_order sum;

    cpu_order_begin(&sum);
    for (uint32_t key = job->first; key <= job->last; key++) {
        const struct cpu_kv_at at = {.value = true,
                                     .layer = job->layer,
                                     .page = job->table[key / KV_PAGE_POSITIONS],
                                     .head = job->kv_head,
                                     .feature = feature,
                                     .position = key};
        uint32_t stored = cpu_kv_read(job->cpu, &at);
        if (weight && weight->key == key)
            stored = cpu_hook_bits(weight, stored);
        cpu_order_term(&sum, key, probs[key] * nm_load(stored, job->cpu->base.kv_storage));
        if (partial && partial->key == key)
            sum.chain[key % 4] = cpu_hook_value(partial, sum.chain[key % 4]);
        if (key % NM_BLOCK == NM_BLOCK - 1 || key == job->last)
            cpu_order_block(&sum, key / NM_BLOCK, cpu_order_join(&sum));
    }
    return cpu_order_end(&sum);
}

void cpu_heads_scalar(const struct cpu_attention *job)
{
    const uint32_t head_dim = cpu_hparams(job->cpu)->head_dim;

    for (uint32_t h = 0; h < job->heads; h++)
        for (uint32_t f = 0; f < head_dim; f++)
            job->out[(size_t)h * head_dim + f] =
                cpu_round(weighted(job, job->probs + h * job->score_stride, f, NULL, NULL),
                          job->cpu->base.act);
}

void cpu_heads(const struct cpu_task *task)
{
    cpu_attention_units(task, task->run->cpu->kernels->heads);
}

void cpu_heads_patch(const struct cpu_patch *patch)
{
    struct hook *hook = patch->hook;
    const struct cpu *cpu = patch->run->cpu;
    const uint32_t head_dim = patch->node->width;
    const uint32_t head = hook->data.row / head_dim, key = hook->data.key;
    const struct cpu_attention job = cpu_attention_job(patch->run, patch->node, patch->slot, head);

    if (hook->point == HOOK_OPERAND) {
        float *faulty = patch->scratch->attention;
        memcpy(faulty + job.first, job.probs + job.first,
               ((size_t)job.last - job.first + 1) * sizeof(*faulty));
        faulty[key] = cpu_hook_value(&hook->data, faulty[key]);
        for (uint32_t f = 0; f < head_dim; f++)
            job.out[f] = cpu_round(weighted(&job, faulty, f, NULL, NULL), cpu->base.act);
        return;
    }
    const uint32_t feature = hook->data.row % head_dim;
    const float value = weighted(&job, job.probs, feature, cpu_hook_at(patch, HOOK_WEIGHT),
                                 cpu_hook_at(patch, HOOK_PARTIAL));
    job.out[feature] = cpu_hook_result(hook, value, cpu->base.act);
}

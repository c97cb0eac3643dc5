/* SPDX-License-Identifier: MIT */
/* SOFTMAX: scores of one head to probabilities, over the key positions seen. */
#include "cpu/cpu_attention.h"
#include "cpu/cpu_ops.h"
#include "model/sum_order.h"

/* Largest score by its ordered key. */
static float largest(const float *scores, uint32_t first, uint32_t last)
{
    uint32_t key = 0;

    for (uint32_t i = first; i <= last; i++) {
        const uint32_t other = nm_key(lang_bits(scores[i]));
        key = other > key ? other : key;
    }
    return lang_float(nm_unkey(key));
}

struct keys {
    uint32_t first, last;
};

/* Fills probs [first, last]; `patch`: with its faults of the sum of a head, or null. */
static void softmax(const float *scores, struct keys seen, float *probs,
                    const struct cpu_patch *patch, uint32_t head)
{
    const uint32_t first = seen.first, last = seen.last;
    const float m = largest(scores, first, last);
    struct order sum;

    order_begin(&sum);
    for (uint32_t i = first; i <= last; i++) {
        probs[i] = nm_exp(scores[i] - m);
        order_term(&sum, i, probs[i]);
        if (patch)
            sum.chain[i % 4] = cpu_hook_value(
                patch, (struct cpu_hook_at){HOOK_PARTIAL, head, HOOK_NONE, i}, sum.chain[i % 4]);
        if (i % NM_BLOCK == NM_BLOCK - 1 || i == last)
            order_block(&sum, i / NM_BLOCK, order_join(&sum));
    }
    const float r = nm_rcp(order_end(&sum));
    for (uint32_t i = first; i <= last; i++)
        probs[i] = probs[i] * r;
}

void cpu_softmax_scalar(const float *scores, uint32_t first, uint32_t last, float *probs)
{
    softmax(scores, (struct keys){first, last}, probs, NULL, 0);
}

static void all_heads(const struct cpu_attention *job)
{
    for (uint32_t h = 0; h < job->heads; h++)
        job->cpu->kernels->softmax(job->scores + h * job->score_stride, job->first, job->last,
                                   job->probs + h * job->score_stride);
}

void cpu_softmax(const struct cpu_task *task)
{
    cpu_attention_units(task, all_heads);
}

void cpu_softmax_patch(const struct cpu_patch *patch)
{
    float *scores = patch->scratch->attention;

    for (uint32_t head = 0; head < patch->node->rows; head++) {
        const struct cpu_attention job =
            cpu_attention_job(patch->run, patch->node, patch->slot, head);
        struct cpu_hook_at at = {HOOK_OPERAND, head, HOOK_NONE, 0};
        if (!cpu_hook_in(patch, HOOK_SEVERAL, head))
            continue;
        for (at.key = job.first; at.key <= job.last; at.key++)
            scores[at.key] = cpu_hook_value(patch, at, job.scores[at.key]);
        softmax(scores, (struct keys){job.first, job.last}, job.probs, patch, head);
        for (at.key = job.first; at.key <= job.last; at.key++)
            job.probs[at.key] = cpu_hook_result(patch, at, job.probs[at.key], NM_F32);
    }
}

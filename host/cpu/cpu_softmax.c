/* SPDX-License-Identifier: MIT */
/* SOFTMAX: scores of one head to probabilities, over the key positions seen. */
#include "cpu/cpu_attention.h"
#include "cpu/cpu_ops.h"
#include "cpu/cpu_order.h"

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

/* Fills probs [first, last]; `partial`: fault of the sum's chain behind the term at its key. */
static void softmax(const float *scores, uint32_t first, uint32_t last, float *probs,
                    struct hook_data *partial)
{
    const float m = largest(scores, first, last);
    struct cpu_order sum;

    cpu_order_begin(&sum);
    for (uint32_t i = first; i <= last; i++) {
        probs[i] = nm_exp(scores[i] - m);
        cpu_order_term(&sum, i, probs[i]);
        if (partial && partial->key == i)
            sum.chain[i % 4] = cpu_hook_value(partial, sum.chain[i % 4]);
        if (i % NM_BLOCK == NM_BLOCK - 1 || i == last)
            cpu_order_block(&sum, i / NM_BLOCK, cpu_order_join(&sum));
    }
    const float r = nm_rcp(cpu_order_end(&sum));
    for (uint32_t i = first; i <= last; i++)
        probs[i] = probs[i] * r;
}

void cpu_softmax_scalar(const float *scores, uint32_t first, uint32_t last, float *probs)
{
    softmax(scores, first, last, probs, NULL);
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
    struct hook *hook = patch->hook;
    const uint32_t head = hook->data.row, key = hook->data.key;
    const struct cpu_attention job = cpu_attention_job(patch->run, patch->node, patch->slot, head);
    float *room = patch->scratch->attention;

    if (hook->point == HOOK_OPERAND) {
        memcpy(room + job.first, job.scores + job.first,
               ((size_t)job.last - job.first + 1) * sizeof(*room));
        room[key] = cpu_hook_value(&hook->data, room[key]);
        softmax(room, job.first, job.last, job.probs, NULL);
    } else if (hook->point == HOOK_PARTIAL) {
        softmax(job.scores, job.first, job.last, job.probs, &hook->data);
    } else {
        softmax(job.scores, job.first, job.last, room, NULL);
        job.probs[key] = cpu_hook_result(hook, room[key], NM_F32);
    }
}

/* SPDX-License-Identifier: MIT */
/* ROUTE: weights of the chosen experts, softmax over their router logits or over those of all. */
#include "cpu/cpu_ops.h"
#include "model/sum_order.h"

struct job {
    const struct node *node;
    const float *terms;            /* (width) logits of the sum, as the op reads them */
    const float *chosen;           /* (rows) experts */
    const struct cpu_patch *patch; /* null: no faults */
};

/* Sum of the exponentials of logits less m. */
static float total_of(const struct job *job, float m)
{
    const uint32_t width = job->node->width;
    struct order sum;

    order_begin(&sum);
    for (uint32_t k = 0; k < width; k++) {
        order_term(&sum, k, nm_exp(job->terms[k] - m));
        if (job->patch)
            sum.chain[k % 4] = cpu_hook_value(
                job->patch, (struct cpu_hook_at){HOOK_PARTIAL, HOOK_NONE, k, HOOK_NONE},
                sum.chain[k % 4]);
        if (k % NM_BLOCK == NM_BLOCK - 1 || k + 1 == width)
            order_block(&sum, k / NM_BLOCK, order_join(&sum));
    }
    return order_end(&sum);
}

static void weigh(const struct job *job, float *out)
{
    const struct node *node = job->node;
    const bool alone =
        node->width == node->rows; /* terms are those of the chosen, in their order */
    uint32_t key = 0;

    for (uint32_t k = 0; k < node->width; k++) {
        const uint32_t other = nm_key(lang_bits(job->terms[k]));
        key = other > key ? other : key;
    }
    const float m = lang_float(nm_unkey(key)), r = nm_rcp(total_of(job, m));
    for (uint32_t j = 0; j < node->rows; j++) {
        const float logit = job->terms[alone ? j : lang_bits(job->chosen[j])];
        const float y = nm_exp(logit - m) * r;
        const struct cpu_hook_at at = {HOOK_OUT, j, HOOK_NONE, HOOK_NONE};
        out[j] = job->patch ? cpu_hook_result(job->patch, at, y, NM_F32) : y;
    }
}

/* The logits of the sum, with the faults of `patch`, into `terms`. */
static void read_terms(const struct job *job, const float *logits, float *terms)
{
    const bool alone = job->node->width == job->node->rows;

    for (uint32_t k = 0; k < job->node->width; k++) {
        const struct cpu_hook_at at = {HOOK_OPERAND, HOOK_NONE, k, HOOK_NONE};
        const float x = logits[alone ? lang_bits(job->chosen[k]) : k];
        terms[k] = job->patch ? cpu_hook_value(job->patch, at, x) : x;
    }
}

static void run_column(const struct cpu_task *task, uint32_t slot, size_t at)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    float *terms = cpu_scratch_of(task)->input;
    const struct job job = {.node = node, .terms = terms, .chosen = cpu_reg(cpu, node->in2, slot)};

    (void)at;
    read_terms(&job, cpu_reg(cpu, node->in, slot), terms);
    weigh(&job, cpu_reg(cpu, node->out, slot));
}

void cpu_route(const struct cpu_task *task)
{
    cpu_share_groups(task, run_column);
}

void cpu_route_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    float *terms = patch->scratch->input;
    const struct job job = {.node = node,
                            .terms = terms,
                            .chosen = cpu_reg(cpu, node->in2, patch->slot),
                            .patch = patch};

    read_terms(&job, patch->in, terms);
    weigh(&job, cpu_reg(cpu, node->out, patch->slot));
}

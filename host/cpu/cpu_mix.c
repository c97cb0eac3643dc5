/* SPDX-License-Identifier: MIT */
/* MIX: the results of the chosen experts, by their weights. */
#include "cpu/cpu_ops.h"
#include "model/sum_order.h"

#define MIX_SIDE 16u /* features side by side */

/* (c0 + c1) + (c2 + c3), c the chains over the experts; they are at most a block. */
static void mix(const float *parts, size_t step, const float *weights, uint32_t used,
                float out[MIX_SIDE])
{
    float chain[4][MIX_SIDE];

    for (uint32_t c = 0; c < 4; c++) {
        for (uint32_t i = 0; i < MIX_SIDE; i++)
            chain[c][i] = NM_NEG_ZERO;
    }
    for (uint32_t j = 0; j < used; j++) {
        for (uint32_t i = 0; i < MIX_SIDE; i++)
            chain[j % 4][i] = chain[j % 4][i] + weights[j] * parts[j * step + i];
    }
    for (uint32_t i = 0; i < MIX_SIDE; i++)
        out[i] = (chain[0][i] + chain[1][i]) + (chain[2][i] + chain[3][i]);
}

void cpu_mix(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share_rows(task, &begin, &end);
    for (uint32_t slot = 0; slot < task->run->slots; slot++) {
        const float *parts = cpu_reg(cpu, node->in, slot), *weights = cpu_reg(cpu, node->in2, slot);
        float *out = cpu_reg(cpu, node->out, slot);
        for (uint32_t i = begin; i < end; i += MIX_SIDE) { /* widths of experts are whole tiles */
            mix(parts + i, node->rows, weights, node->width, out + i);
            for (uint32_t c = i; c < i + MIX_SIDE; c++)
                out[c] = cpu_round(out[c], cpu->base.act);
        }
    }
}

/* One feature with its faults. */
static float struck(const struct cpu_patch *patch, uint32_t row, const float *weights)
{
    const struct node *node = patch->node;
    struct order sum;

    order_begin(&sum);
    for (uint32_t j = 0; j < node->width; j++) {
        struct cpu_hook_at at = {HOOK_OPERAND, row, j, HOOK_NONE};
        const float part = cpu_hook_value(patch, at, patch->in[(size_t)j * node->rows + row]);
        at.k = node->width + j;
        order_term(&sum, j, cpu_hook_value(patch, at, weights[j]) * part);
        at = (struct cpu_hook_at){HOOK_PARTIAL, row, j, HOOK_NONE};
        sum.chain[j % 4] = cpu_hook_value(patch, at, sum.chain[j % 4]);
    }
    return order_join(&sum);
}

void cpu_mix_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    const float *weights = cpu_reg(cpu, node->in2, patch->slot);
    float *out = cpu_reg(cpu, node->out, patch->slot);

    for (uint32_t row = 0; row < node->rows; row++) {
        if (!cpu_hook_in(patch, HOOK_SEVERAL, row))
            continue;
        const struct cpu_hook_at at = {HOOK_OUT, row, HOOK_NONE, HOOK_NONE};
        out[row] = cpu_hook_result(patch, at, struck(patch, row, weights), cpu->base.act);
    }
}

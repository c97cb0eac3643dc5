/* SPDX-License-Identifier: MIT */
/* SHARE: the result of the shared expert, by its gate. */
#include "cpu/cpu_ops.h"

void cpu_share_expert(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share_rows(task, &begin, &end);
    for (uint32_t slot = 0; slot < task->run->slots; slot++) {
        const float *in = cpu_reg(cpu, node->in, slot);
        const float gate = nm_sigmoid(*cpu_reg(cpu, node->in2, slot));
        float *out = cpu_reg(cpu, node->out, slot);
        for (uint32_t i = begin; i < end; i++)
            out[i] = cpu_round(in[i] * gate, cpu->base.act);
    }
}

void cpu_share_expert_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const float gate = *cpu_reg(cpu, patch->node->in2, patch->slot);
    float *out = cpu_reg(cpu, patch->node->out, patch->slot);

    for (uint32_t row = 0; row < patch->node->rows; row++) {
        struct cpu_hook_at at = {HOOK_OPERAND, row, 0, HOOK_NONE};
        const float x = cpu_hook_value(patch, at, patch->in[row]);
        at.k = 1;
        const float m = cpu_hook_value(patch, at, gate);
        at.k = HOOK_NONE;
        out[row] = cpu_hook_result(patch, at, x * nm_sigmoid(m), cpu->base.act);
    }
}

/* SPDX-License-Identifier: MIT */
/* ADD: the residual takes a branch's result. */
#include "cpu/cpu_ops.h"

void cpu_add_scalar(float *x, const float *t, uint32_t n, uint32_t act)
{
    for (uint32_t i = 0; i < n; i++)
        x[i] = cpu_round(x[i] + t[i], act);
}

void cpu_add(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share_rows(task, &begin, &end);
    for (uint32_t slot = 0; slot < task->run->slots; slot++)
        cpu->kernels->add(cpu_reg(cpu, node->out, slot) + begin,
                          cpu_reg(cpu, node->in2, slot) + begin, end - begin, cpu->base.act);
}

void cpu_add_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const float *second = cpu_reg(cpu, patch->node->in2, patch->slot);
    float *out = cpu_reg(cpu, patch->node->out, patch->slot);

    for (uint32_t row = 0; row < patch->node->rows; row++) {
        struct cpu_hook_at at = {HOOK_OPERAND, row, 0, HOOK_NONE};
        const float x = cpu_hook_value(patch, at, patch->in[row]);
        at.k = 1;
        const float t = cpu_hook_value(patch, at, second[row]);
        at.k = HOOK_NONE;
        out[row] = cpu_hook_result(patch, at, x + t, cpu->base.act);
    }
}

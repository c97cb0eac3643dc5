/* SPDX-License-Identifier: MIT */
/* GATE: activation of the gate times the up projection. */
#include "cpu/cpu_ops.h"

static float gate(enum activation_fn fn, float g, float u)
{
    return (fn == ACTIVATION_GELU ? nm_gelu(g) : nm_silu(g)) * u;
}

void cpu_gate_scalar(const struct cpu_gate *job)
{
    for (uint32_t i = 0; i < job->n; i++)
        job->out[i] = cpu_round(gate(job->fn, job->g[i], job->u[i]), job->act);
}

void cpu_gate(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share_rows(task, &begin, &end);
    for (uint32_t slot = 0; slot < task->run->slots; slot++) {
        const struct cpu_gate job = {.g = cpu_reg(cpu, node->in, slot) + begin,
                                     .u = cpu_reg(cpu, node->in2, slot) + begin,
                                     .out = cpu_reg(cpu, node->out, slot) + begin,
                                     .n = end - begin,
                                     .act = cpu->base.act,
                                     .fn = cpu_hparams(cpu)->activation};
        cpu->kernels->gate(&job);
    }
}

void cpu_gate_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const float *second = cpu_reg(cpu, patch->node->in2, patch->slot);
    float *out = cpu_reg(cpu, patch->node->out, patch->slot);

    for (uint32_t row = 0; row < patch->node->rows; row++) {
        struct cpu_hook_at at = {HOOK_OPERAND, row, 0, HOOK_NONE};
        const float g = cpu_hook_value(patch, at, patch->in[row]);
        at.k = 1;
        const float u = cpu_hook_value(patch, at, second[row]);
        at.k = HOOK_NONE;
        out[row] =
            cpu_hook_result(patch, at, gate(cpu_hparams(cpu)->activation, g, u), cpu->base.act);
    }
}

/* SPDX-License-Identifier: MIT */
/* GATE and ACT: activation of the gate times the up projection; activation alone. */
#include "cpu/cpu_ops.h"

static float activation(enum activation_fn fn, float x)
{
    return fn == ACTIVATION_GELU ? nm_gelu(x) : fn == ACTIVATION_SILU ? nm_silu(x) : nm_gelu_erf(x);
}

void cpu_gate_scalar(const struct cpu_gate *job)
{
    for (uint32_t i = 0; i < job->n; i++) {
        const float y = activation(job->fn, job->g[i]);
        job->out[i] = cpu_round(job->u ? y * job->u[i] : y, job->act);
    }
}

void cpu_gate(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share_rows(task, &begin, &end);
    for (uint32_t slot = 0; slot < task->run->slots; slot++) {
        const struct cpu_gate job = {
            .g = cpu_reg(cpu, node->in, slot) + begin,
            .u = node->in2 == REG_NONE ? NULL : cpu_reg(cpu, node->in2, slot) + begin,
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
    const struct node *node = patch->node;
    const float *second = node->in2 == REG_NONE ? NULL : cpu_reg(cpu, node->in2, patch->slot);
    float *out = cpu_reg(cpu, node->out, patch->slot);

    for (uint32_t row = 0; row < node->rows; row++) {
        struct cpu_hook_at at = {HOOK_OPERAND, row, second ? 0 : HOOK_NONE, HOOK_NONE};
        float y =
            activation(cpu_hparams(cpu)->activation, cpu_hook_value(patch, at, patch->in[row]));
        if (second) {
            at.k = 1;
            y = y * cpu_hook_value(patch, at, second[row]);
        }
        at.k = HOOK_NONE;
        out[row] = cpu_hook_result(patch, at, y, cpu->base.act);
    }
}

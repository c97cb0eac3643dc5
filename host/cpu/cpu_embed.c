/* SPDX-License-Identifier: MIT */
/* EMBED: the row of a column's token as numbers. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_weight.h"

static float scaled(float value, float scale)
{
    return scale == 0 ? value : value * scale; /* an exact test: 0 means none */
}

void cpu_embed(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    const struct cpu_weight *weight = cpu_weight_of(cpu, node->weight);
    uint32_t begin, end;

    cpu_share(task, task->run->slots, &begin, &end);
    for (uint32_t slot = begin; slot < end; slot++) {
        const struct column *column = cpu_column(task->run, slot);
        if (column->checkpoint != EXECUTOR_NONE)
            continue;
        float *out = cpu_reg(cpu, node->out, slot);
        quant_dequantize(node->weight->type,
                         cpu_weight_row(weight, (uint32_t)column->token, cpu_scratch_of(task)->row),
                         node->width, out);
        for (uint32_t i = 0; i < node->rows; i++)
            out[i] = cpu_round(scaled(out[i], node->scale), cpu->base.act);
    }
}

void cpu_embed_patch(const struct cpu_patch *patch)
{
    const struct cpu *cpu = patch->run->cpu;
    const struct node *node = patch->node;
    const struct column *column = cpu_column(patch->run, patch->slot);
    const enum quant type = node->weight->type;
    float *out = cpu_reg(cpu, node->out, patch->slot);
    uint8_t *row = patch->scratch->row;

    if (column->checkpoint != EXECUTOR_NONE)
        return;
    const uint8_t *stored =
        cpu_weight_row(cpu_weight_of(cpu, node->weight), (uint32_t)column->token, row);
    if (stored != row)
        memcpy(row, stored, quant_row_bytes(type, node->width));
    cpu_hook_weights(patch, HOOK_NONE, row);
    quant_dequantize(type, row, node->width, out);
    for (uint32_t i = 0; i < node->rows; i++)
        out[i] = cpu_hook_result(patch, (struct cpu_hook_at){HOOK_WEIGHT, i, HOOK_NONE, HOOK_NONE},
                                 scaled(out[i], node->scale), cpu->base.act);
}

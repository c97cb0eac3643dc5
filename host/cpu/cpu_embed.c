/* SPDX-License-Identifier: MIT */
/* EMBED: the row of a column's token as numbers. */
#include "cpu/cpu_ops.h"
#include "cpu/cpu_weight.h"

static float scaled(float value, float scale)
{
    return scale == 0 ? value : value * scale; /* an exact test: 0 stands for none */
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
    const uint32_t feature = patch->hook->data.row, b = feature / 32;
    struct hook_data *weight_fault = cpu_hook_at(patch, HOOK_WEIGHT);
    uint8_t *row = patch->scratch->row;
    const uint8_t *stored =
        cpu_weight_row(cpu_weight_of(cpu, node->weight), (uint32_t)column->token, row);

    if (column->checkpoint != EXECUTOR_NONE)
        return;
    if (weight_fault) {
        const enum quant_field field = (enum quant_field)weight_fault->field;
        if (stored != row)
            memcpy(row, stored, quant_row_bytes(type, node->width));
        quant_field_write(type, row, feature, field,
                          cpu_hook_bits(weight_fault, quant_field_read(type, row, feature, field)));
        stored = row;
    }
    struct quant_block block;
    quant_decode(type, stored, node->width, b, &block);
    float value = block.code[feature % 32];
    const enum quant_form form = quant_form(type);
    if (form != QUANT_FORM_PLAIN)
        value = block.scale[form == QUANT_FORM_HALF ? feature % 32 / 16 : 0] * value;
    if (form == QUANT_FORM_MIN)
        value = value + block.min;
    cpu_reg(cpu, node->out, patch->slot)[feature] =
        cpu_hook_result(patch->hook, scaled(value, node->scale), cpu->base.act);
}

/* SPDX-License-Identifier: MIT */
/* Finds the hooks of a node, hands each to its op's patch, and passes captured bits on. */
#include "cpu/cpu_hook.h"

#include <assert.h>
#include <string.h>

#include "cpu/cpu_ops.h"

uint32_t cpu_hook_bits(struct hook_data *data, uint32_t bits)
{
    const uint32_t after =
        data->capture != 0 ? bits : hook_edit(bits, data->and_mask, data->or_mask, data->xor_mask);
    if (data->count == 0) {
        data->before = bits;
        data->after = after;
    }
    data->count++;
    return after;
}

float cpu_hook_value(struct hook_data *data, float value)
{
    return lang_float(cpu_hook_bits(data, nm_canon(lang_bits(value))));
}

float cpu_hook_result(struct hook *hook, float value, uint32_t act)
{
    if (hook->point == HOOK_OUT)
        value = cpu_hook_value(&hook->data, value);
    if (hook->point == HOOK_MEM)
        return nm_load(cpu_hook_bits(&hook->data, nm_store(lang_bits(value), act)), act);
    return cpu_round(value, act);
}

bool cpu_hook_any(const struct pass *pass, uint32_t node, uint32_t column)
{
    for (uint32_t i = 0; i < pass->n_hooks; i++) {
        const struct hook *hook = &pass->hooks[i];
        if (hook->node == node && (column == EXECUTOR_NONE || hook->column == column))
            return true;
    }
    return false;
}

void cpu_hook_save(struct cpu_run *run, uint32_t index)
{
    const struct node *node = &run->cpu->base.model->graph.node[index];

    for (uint32_t i = 0; i < run->pass->n_hooks; i++) {
        const struct hook *hook = &run->pass->hooks[i];
        const uint32_t slot = run->cpu->column_slot[hook->column];
        if (hook->node == index && slot != EXECUTOR_NONE && run->saved[i])
            memcpy(run->saved[i], cpu_reg(run->cpu, node->in, slot), node->rows * sizeof(float));
    }
}

static void apply(const struct cpu_patch *patch)
{
    static void (*const patches[OP_COUNT])(const struct cpu_patch *) = {
        [OP_EMBED] = cpu_embed_patch,   [OP_NORM] = cpu_norm_patch,
        [OP_LINEAR] = cpu_linear_patch, [OP_ROPE] = cpu_rope_patch,
        [OP_SCORES] = cpu_scores_patch, [OP_SOFTMAX] = cpu_softmax_patch,
        [OP_HEADS] = cpu_heads_patch,   [OP_GATE] = cpu_gate_patch,
        [OP_ADD] = cpu_add_patch,
    };
    assert(patches[patch->node->op]);
    patches[patch->node->op](patch);
}

void cpu_hook_apply(struct cpu_run *run, uint32_t index)
{
    const struct node *node = &run->cpu->base.model->graph.node[index];

    for (uint32_t i = 0; i < run->pass->n_hooks; i++) {
        struct hook *hook = &run->pass->hooks[i];
        const uint32_t slot = run->cpu->column_slot[hook->column];
        if (hook->node != index || slot == EXECUTOR_NONE)
            continue;
        struct cpu_patch patch = {.run = run,
                                  .node = node,
                                  .hook = hook,
                                  .slot = slot,
                                  .in = run->saved[i],
                                  .scratch = &run->cpu->scratch[run->cpu->threads]};
        if (!patch.in && node->in != REG_NONE && run->cpu->reg[node->in])
            patch.in = cpu_reg(run->cpu, node->in, slot);
        apply(&patch);
        if (hook->data.capture != 0)
            run->pass->hooks[hook->data.capture - 1].data.or_mask = hook->data.before;
    }
}

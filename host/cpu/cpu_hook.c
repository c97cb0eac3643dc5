/* SPDX-License-Identifier: MIT */
/* Finds the hooks of a node, hands those of each column to its op's patch, notes what fired. */
#include "cpu/cpu_hook.h"

#include <assert.h>
#include <string.h>

#include "cpu/cpu_ops.h"

uint32_t cpu_hook_edit(const struct cpu_run *run, struct hook_data *data, uint32_t index,
                       uint32_t bits, bool note)
{
    const uint32_t *words = run->pass->words;
    const uint32_t other = data->source != 0 ? words[data->source - 1 + index] : bits;
    const uint32_t asked = data->kind == KIND_WRONG_WRITE ? other : bits;

    if (data->capture != 0) {
        run->pass->words[data->capture - 1 + index] = bits;
        return bits;
    }
    if (!hook_fires(*data, index, asked))
        return bits;
    const uint32_t after = hook_edit(*data, index, bits, other);
    if (!note)
        return after;
    if (data->count == 0 || index < data->first) {
        data->first = index;
        data->before = bits;
        data->after = after;
    }
    data->count++;
    data->changed += after != bits;
    return after;
}

static uint32_t index_of(const struct hook *hook, struct cpu_hook_at at)
{
    return hook->point == at.point ? hook_index(hook->data, at.row, at.k, at.key) : HOOK_NONE;
}

uint32_t cpu_hook_bits(const struct cpu_patch *patch, struct cpu_hook_at at, uint32_t bits)
{
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        const uint32_t index = index_of(patch->hooks[i], at);
        if (index != HOOK_NONE)
            bits = cpu_hook_edit(patch->run, &patch->hooks[i]->data, index, bits, true);
    }
    return bits;
}

float cpu_hook_value(const struct cpu_patch *patch, struct cpu_hook_at at, float value)
{
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        if (index_of(patch->hooks[i], at) != HOOK_NONE)
            return lang_float(cpu_hook_bits(patch, at, nm_canon(lang_bits(value))));
    }
    return value;
}

void cpu_hook_block(const struct cpu_patch *patch, struct cpu_hook_at at, struct order *sum,
                    uint32_t b)
{
    float *partial = order_partial_of(sum, b);

    order_block(sum, b, order_join(sum));
    at.point = HOOK_ACCUMULATOR;
    if (patch)
        *partial = cpu_hook_value(patch, at, *partial);
}

float cpu_hook_result(const struct cpu_patch *patch, struct cpu_hook_at at, float value,
                      uint32_t act)
{
    at.point = HOOK_OUT;
    value = cpu_hook_value(patch, at, value);
    at.point = HOOK_MEM;
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        if (index_of(patch->hooks[i], at) != HOOK_NONE)
            return nm_load(cpu_hook_bits(patch, at, nm_store(lang_bits(value), act)), act);
    }
    return cpu_round(value, act);
}

void cpu_hook_stray(const struct cpu_patch *patch, struct cpu_hook_at at)
{
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        if (index_of(patch->hooks[i], at) != HOOK_NONE)
            patch->hooks[i]->data.stray = 1;
    }
}

bool cpu_hook_in(const struct cpu_patch *patch, uint32_t point, uint32_t row)
{
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        const struct hook *hook = patch->hooks[i];
        if ((point == HOOK_SEVERAL || hook->point == point) &&
            hook_index(hook->data, row, HOOK_NONE, HOOK_NONE) != HOOK_NONE)
            return true;
    }
    return false;
}

bool cpu_hook_unseen(const struct cpu_patch *patch, uint32_t row, const struct cpu_attention *job,
                     uint32_t *key)
{
    const uint32_t from = *key;

    *key = UINT32_MAX;
    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        const struct hook_data *d = &patch->hooks[i]->data;
        const uint64_t end = (uint64_t)d->key + d->keys;
        uint32_t k = d->key > from ? d->key : from;
        if (patch->hooks[i]->point != HOOK_WEIGHT || d->capture == 0 ||
            hook_index(*d, row, HOOK_NONE, HOOK_NONE) == HOOK_NONE)
            continue;
        if (k >= job->first && k <= job->last)
            k = job->last + 1;
        if (k < end && k <= d->last_key && k < *key)
            *key = k;
    }
    return *key != UINT32_MAX;
}

void cpu_hook_weights(const struct cpu_patch *patch, uint32_t row, uint8_t *stored)
{
    const enum quant type = patch->node->weight->type;
    const bool of_rows = row == HOOK_NONE;

    for (uint32_t i = 0; i < patch->n_hooks; i++) {
        struct hook_data *d = &patch->hooks[i]->data;
        const enum quant_field field = (enum quant_field)d->field;
        if (patch->hooks[i]->point != HOOK_WEIGHT ||
            hook_index(*d, row, HOOK_NONE, HOOK_NONE) == HOOK_NONE)
            continue;
        for (uint32_t j = 0; j < (of_rows ? d->rows : d->ks); j++) {
            const uint32_t element = of_rows ? d->row + j * d->row_step : d->k + j * d->k_step;
            const uint32_t index = of_rows ? hook_index(*d, element, HOOK_NONE, HOOK_NONE)
                                           : hook_index(*d, row, element, HOOK_NONE);
            const uint32_t bits = quant_field_read(type, stored, element, field);
            quant_field_write(type, stored, element, field,
                              cpu_hook_edit(patch->run, d, index, bits, true));
        }
    }
}

void cpu_hook_save(struct cpu_run *run, uint32_t index)
{
    const struct node *node = &run->cpu->base.model->graph.node[index];

    for (uint32_t i = 0; i < run->pass->n_hooks; i++) {
        const struct hook *hook = &run->pass->hooks[i];
        const uint32_t slot = cpu_slot(run, hook->column);
        if (hook->node == index && slot != EXECUTOR_NONE && run->saved[i])
            memcpy(run->saved[i], cpu_reg(run->cpu, node->in, slot), node->rows * sizeof(float));
    }
}

/* Hooks of a node that act together. */
struct together {
    uint32_t index; /* of the node */
    uint32_t evaluation;
    bool captures; /* else edits */
};

/* Those of a column, in one patch. */
static void patch_column(struct cpu_run *run, const struct together *t, uint32_t column)
{
    const uint32_t index = t->index;
    const struct node *node = &run->cpu->base.model->graph.node[index];
    const uint32_t slot = cpu_slot(run, column);
    struct cpu_patch patch = {.run = run,
                              .node = node,
                              .hooks = run->patched,
                              .slot = slot,
                              .scratch = &run->cpu->scratch[run->cpu->threads]};

    for (uint32_t i = 0; i < run->pass->n_hooks; i++) {
        struct hook *hook = &run->pass->hooks[i];
        if (hook->node != index || hook->column != column || hook->evaluation != t->evaluation ||
            (hook->data.capture != 0) != t->captures)
            continue;
        patch.hooks[patch.n_hooks++] = hook;
        patch.in = run->saved[i] ? run->saved[i] : patch.in;
    }
    if (patch.n_hooks == 0)
        return;
    if (!patch.in && node->in != REG_NONE && run->cpu->reg[node->in])
        patch.in = cpu_reg(run->cpu, node->in, slot);
    CPU_OPS[node->op].patch(&patch);
}

void cpu_hook_apply(struct cpu_run *run, uint32_t index, uint32_t evaluation)
{
    for (int captures = 1; captures >= 0; captures--) {
        const struct together together = {index, evaluation, captures != 0};
        for (uint32_t slot = 0; slot < run->slots; slot++)
            patch_column(run, &together, run->column[slot]);
    }
}

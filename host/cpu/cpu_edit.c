/* SPDX-License-Identifier: MIT */
/* Edits from outside a pass: KV entries, stored weights, checkpoints. */
#include "cpu/cpu_edit.h"

#include <string.h>

#include "base/log.h"
#include "cpu/cpu_kv.h"
#include "cpu/cpu_weight.h"

enum status cpu_edit_page(struct cpu *cpu, const struct kv_site *site)
{
    struct kv *kv = cpu->base.kv;
    const uint32_t *table = kv_table(kv, site->branch, site->layer);
    const bool fresh = table[site->position / KV_PAGE_POSITIONS] == KV_NO_PAGE;
    struct kv_slot slot;
    enum status st = kv_write(kv, site->branch, site->layer, site->position, &slot);

    for (int value = 0; value < 2 && !st; value++) {
        uint8_t *page = cpu_kv_page(cpu, value != 0, site->layer, slot.page);
        if (slot.copy_from != KV_NO_PAGE)
            memcpy(page, cpu_kv_page(cpu, value != 0, site->layer, slot.copy_from),
                   cpu->page_bytes[value]);
        else if (fresh) /* lanes not yet written take part in sums, though never used */
            memset(page, 0, cpu->page_bytes[value]);
    }
    return st;
}

static enum status edit_kv(struct executor *ex, const struct kv_site *site, struct hook_data *data)
{
    struct cpu *cpu = (struct cpu *)ex;
    const uint32_t head_dim = cpu_hparams(cpu)->head_dim;
    const enum status st = cpu_edit_page(cpu, site);

    if (st)
        return st;
    const struct cpu_kv_at at = {
        .value = site->value,
        .layer = site->layer,
        .page = kv_table(ex->kv, site->branch, site->layer)[site->position / KV_PAGE_POSITIONS],
        .head = site->feature / head_dim,
        .feature = site->feature % head_dim,
        .position = site->position};
    data->before = cpu_kv_read(cpu, &at);
    cpu_kv_write(cpu, &at, hook_edit(*data, 0, data->before, 0));
    data->after = cpu_kv_read(cpu, &at);
    data->count = 1;
    return STATUS_OK;
}

static enum status edit_weight(struct executor *ex, const struct weight_site *site,
                               struct hook_data *data)
{
    struct cpu *cpu = (struct cpu *)ex;
    struct cpu_weight *weight = &cpu->weights[site->tensor->index];

    weight->tensor = site->tensor;
    cpu_weight_edit(weight, site, data, cpu->scratch[cpu->threads].row);
    return STATUS_OK;
}

static enum status edit_table(struct executor *ex, const struct table_site *site,
                              struct hook_data *data)
{
    struct cpu *cpu = (struct cpu *)ex;
    float *number = &cpu->rope[site->table]
                              [(size_t)site->position * cpu_hparams(cpu)->rope_dim + site->element];

    data->before = lang_bits(*number);
    *number = lang_float(hook_edit(*data, 0, data->before, 0));
    data->after = lang_bits(*number);
    data->count = 1;
    return STATUS_OK;
}

enum status cpu_edit_read_checkpoint(struct executor *ex, uint32_t row, uint32_t layer, float *out)
{
    const struct cpu *cpu = (const struct cpu *)ex;
    const uint32_t n_embd = cpu_hparams(cpu)->n_embd;
    const float *from = cpu_edit_checkpoint(cpu, row, layer);

    for (uint32_t i = 0; i < n_embd; i++)
        out[i] = lang_float(nm_canon(lang_bits(from[i])));
    return STATUS_OK;
}

const struct executor_edit_ops cpu_edit_ops = {
    .kv = edit_kv, .weight = edit_weight, .table = edit_table};

/* SPDX-License-Identifier: MIT */
/* STORE: K and V of a column into the page of its position. */
#include "cpu/cpu_kv.h"
#include "cpu/cpu_ops.h"

static void store_head(const struct cpu *cpu, struct cpu_kv_at at, const float *values)
{
    for (at.feature = 0; at.feature < cpu_hparams(cpu)->head_dim; at.feature++)
        cpu_kv_write(cpu, &at, nm_store(lang_bits(values[at.feature]), cpu->base.kv_storage));
}

void cpu_store(const struct cpu_task *task)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    uint32_t begin, end;

    cpu_share(task, task->run->slots * node->groups, &begin, &end);
    for (uint32_t unit = begin; unit < end; unit++) {
        const uint32_t slot = unit / node->groups;
        const struct column *column = cpu_column(task->run, slot);
        const uint32_t *table = kv_table(cpu->base.kv, column->branch, node->layer);
        struct cpu_kv_at at = {.layer = node->layer,
                               .page = table[column->position / KV_PAGE_POSITIONS],
                               .head = unit % node->groups,
                               .position = column->position};
        const size_t first = (size_t)at.head * node->width;
        store_head(cpu, at, cpu_reg(cpu, node->in, slot) + first);
        at.value = true;
        store_head(cpu, at, cpu_reg(cpu, node->in2, slot) + first);
    }
}

/* SPDX-License-Identifier: MIT */
/* STORE: K and V of a column into the page of its position. */
#include "cpu/cpu_kv.h"
#include "cpu/cpu_ops.h"

/* `values`: (head_dim), null: zeros. */
static void store_head(const struct cpu *cpu, struct cpu_kv_at at, const float *values)
{
    for (at.feature = 0; at.feature < cpu_hparams(cpu)->head_dim; at.feature++)
        cpu_kv_write(cpu, &at,
                     values ? nm_store(lang_bits(values[at.feature]), cpu->base.kv_storage) : 0);
}

/* K and V of one head into the column's entry; if that is another position's, its own becomes
 * zeros. */
static void store_unit(const struct cpu_task *task, uint32_t slot, uint32_t head)
{
    const struct cpu *cpu = task->run->cpu;
    const struct node *node = task->node;
    const struct column *column = cpu_column(task->run, slot);
    const uint32_t *table = kv_table(cpu->base.kv, column->branch, node->layer);
    const uint32_t written[] = {column_entry(column), column->position};

    for (uint32_t i = 0; i < (written[0] == written[1] ? 1 : 2); i++) {
        for (int value = 0; value < 2; value++) {
            const float *from = cpu_reg(cpu, value ? node->in2 : node->in, slot);
            const struct cpu_kv_at at = {.value = value != 0,
                                         .layer = node->layer,
                                         .page = table[written[i] / KV_PAGE_POSITIONS],
                                         .head = head,
                                         .position = written[i]};
            store_head(cpu, at, i == 0 ? from + (size_t)head * node->width : NULL);
        }
    }
}

void cpu_store(const struct cpu_task *task)
{
    const uint32_t groups = task->node->groups;
    uint32_t begin, end;

    cpu_share(task, task->run->slots * groups, &begin, &end);
    for (uint32_t unit = begin; unit < end; unit++)
        store_unit(task, unit / groups, unit % groups);
}

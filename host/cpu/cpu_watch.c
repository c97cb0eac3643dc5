/* SPDX-License-Identifier: MIT */
/* Output rows for a watcher: registers as they are, scores and probabilities without gaps, K and V
 * as stored. */
#include "cpu/cpu_watch.h"

#include <string.h>

#include "shared/order.h"

float *cpu_watch_row(const struct cpu_run *run, const struct node *node, uint32_t slot)
{
    const struct cpu *cpu = run->cpu;
    const uint32_t column = run->column[slot];
    uint32_t row = slot;

    if (node->out == REG_L)
        row = cpu->full_row[column];
    else if (node->out == REG_S || node->out == REG_P)
        row = cpu->score_row[column];
    return row == EXECUTOR_NONE ? NULL : cpu_reg(cpu, node->out, row);
}

/* (n_head, position + 1) for a watcher; positions outside a window become 0. */
static const float *close_up(const struct cpu_run *run, const struct node *node,
                             const float *values, uint32_t slot)
{
    const struct cpu *cpu = run->cpu;
    const uint32_t position = column_last(cpu_column(run, slot)), n = position + 1;
    const uint32_t first = order_first_key(position, node->window);
    float *out = cpu->scratch[cpu->threads].watch;

    for (uint32_t h = 0; h < cpu_hparams(cpu)->n_head; h++) {
        memset(out + (size_t)h * n, 0, first * sizeof(*out));
        memcpy(out + (size_t)h * n + first, values + h * cpu->score_stride + first,
               (n - first) * sizeof(*out));
    }
    return out;
}

/* (2, rows) K and V of a STORE after narrowing. */
static const float *narrow(const struct cpu_run *run, const struct node *node, uint32_t slot)
{
    const struct cpu *cpu = run->cpu;
    float *out = cpu->scratch[cpu->threads].watch;

    for (int value = 0; value < 2; value++) {
        const float *from = cpu_reg(cpu, value ? node->in2 : node->in, slot);
        for (uint32_t i = 0; i < node->rows; i++)
            out[value * node->rows + i] = nm_round(from[i], cpu->base.kv_storage);
    }
    return out;
}

void cpu_watch(const struct cpu_run *run, const struct node *node)
{
    const struct pass *pass = run->pass;

    if (!pass->watch)
        return;
    for (uint32_t slot = 0; slot < run->slots; slot++) {
        const bool store = node->op == OP_STORE;
        const float *values = store ? narrow(run, node, slot) : cpu_watch_row(run, node, slot);
        uint32_t count = store ? 2 * node->rows : node->rows;
        if (!values)
            continue;
        if (node->out == REG_S || node->out == REG_P) {
            values = close_up(run, node, values, slot);
            count = node->rows * (column_last(cpu_column(run, slot)) + 1);
        }
        pass->watch(pass->watch_user, node, run->column[slot], values, count);
    }
}

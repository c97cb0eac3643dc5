/* SPDX-License-Identifier: MIT */
/* Counts of evaluations, from the table of the ops. */
#include "model/executor_work.h"

#include "model/op.h"
#include "model/schedule.h"

/* Registers hold f32 words. */
#define WORD sizeof(float)

static uint64_t kv_row_bytes(const struct executor *ex)
{
    const struct hparams *hp = &ex->model->hp;
    return (uint64_t)hp->n_head_kv * hp->head_dim * (storage_bits(ex->kv_storage) / 8);
}

/* Words of a register that the node uses: those of a feed-forward are as wide as the widest use. */
static uint64_t words_of(const struct hparams *hp, const struct node *node, enum reg reg,
                         uint32_t seen)
{
    if (reg != REG_G && reg != REG_U && reg != REG_A && reg != REG_D)
        return graph_reg_width(hp, reg, seen);
    if (reg == node->out)
        return node->rows;
    return node->op == OP_LINEAR    ? node->width
           : node->op == OP_EXPERTS ? (uint64_t)node->groups * node->width
           : node->op == OP_MIX     ? (uint64_t)node->rows * node->width
                                    : node->rows;
}

static uint64_t register_bytes(const struct executor *ex, const struct node *node, uint64_t regs,
                               uint32_t seen)
{
    uint64_t words = 0;
    for (uint32_t reg = 0; reg < REG_COUNT; reg++) {
        if (regs & OP_BIT(reg))
            words += words_of(&ex->model->hp, node, (enum reg)reg, seen);
    }
    return words * WORD;
}

/* What one column reads and writes alone. */
static uint64_t column_bytes(const struct executor *ex, const struct node *node, uint32_t seen)
{
    const struct op_access access = op_access(node);
    uint64_t bytes = register_bytes(ex, node, access.reads, seen) +
                     register_bytes(ex, node, access.writes, seen);
    if (access.reads & OP_BIT(OP_PAGES))
        bytes += seen * kv_row_bytes(ex);
    if (access.writes & OP_BIT(OP_PAGES))
        bytes += 2 * kv_row_bytes(ex);
    if (node->op == OP_EMBED)
        bytes += node->weight->size / node->weight->dim[1];
    if (node->op == OP_ROPE)
        bytes += ex->model->hp.rope_dim * WORD;
    return bytes;
}

static const struct column *column_at(const struct schedule *schedule, const struct node *node,
                                      uint32_t slot)
{
    const uint32_t *column = op_is_output(node) ? schedule->output : schedule->column;
    return &schedule->pass->columns[column[slot]];
}

/* Registers, pages and multiply-adds of an evaluation. */
static void add_columns(struct executor *ex, const struct schedule *schedule, uint32_t node,
                        struct executor_work_slots slots)
{
    const struct node *op = &ex->model->graph.node[node];
    for (uint32_t slot = slots.first; slot < slots.first + slots.n; slot++) {
        const struct column *column = column_at(schedule, op, slot);
        const uint32_t seen = op_seen(column_last(column), op->window);
        if (op->op == OP_EMBED && column->checkpoint != EXECUTOR_NONE)
            continue;
        ex->work.macs += op_macs(op, seen);
        ex->work.bytes += column_bytes(ex, op, seen);
    }
    ex->work.evaluations += slots.n > 0;
}

/* Of experts as many matrices as the columns can choose: which they do is the device's. */
static void add_weights(struct executor *ex, const struct node *op, uint32_t columns)
{
    const uint64_t chosen = (uint64_t)columns * op->groups, all = ex->model->hp.n_expert;

    if (op->op == OP_EXPERTS)
        ex->work.bytes += op->weight->size / all * (chosen < all ? chosen : all);
    else if (op->weight && op->op != OP_EMBED)
        ex->work.bytes += op->weight->size + (op->bias ? op->bias->size : 0);
}

void executor_work_twin(struct executor *ex, const struct schedule *schedule, uint32_t node,
                        struct executor_work_slots slots, bool shared)
{
    add_columns(ex, schedule, node, slots);
    if (slots.n > 0 && !shared)
        add_weights(ex, &ex->model->graph.node[node], slots.n);
}

void executor_work_op(struct executor *ex, const struct schedule *schedule, uint32_t node,
                      struct executor_work_slots slots)
{
    executor_work_twin(ex, schedule, node, slots, false);
}

/* Check sums of a LINEAR op: three products with the input for each part of the rows, two sums of
 * the results. The table is one operand of all guards of the node. */
static void add_abft(struct executor *ex, const struct node *node, const struct guard_abft *table)
{
    ex->work.macs += 3 * (uint64_t)node->width * table->parts + 2 * (uint64_t)node->rows;
    ex->work.bytes += (node->width + node->rows) * WORD;
}

static void add_guard(struct executor *ex, const struct guard *guard, const struct column *column)
{
    const struct node *node = &ex->model->graph.node[guard->node];
    const uint64_t keys = op_per_key(node->op) ? op_seen(column_last(column), node->window) : 1;
    const uint64_t elements = node->rows * keys;
    if (guard->kind == GUARD_ABFT) {
        add_abft(ex, node, &ex->abft[guard->node]);
        return;
    }
    if (guard->kind == GUARD_STORED) { /* two sums of the halves of K and of V, or of a row */
        const bool embeds = node->op == OP_EMBED;
        const uint64_t bytes = embeds ? elements * WORD : 2 * kv_row_bytes(ex);
        ex->work.macs += 2 * bytes / sizeof(uint16_t);
        ex->work.bytes += (embeds ? 1 : 2) * elements * WORD;
        return;
    }
    ex->work.macs += elements;
    ex->work.bytes += elements * WORD * (guard_evaluation(guard->kind) != 0 ? 2 : 1);
}

void executor_work_guards(struct executor *ex, const struct schedule *schedule,
                          const struct schedule_guards *guards, struct executor_work_slots slots)
{
    const struct guard *guard = NULL;
    for (uint32_t i = guards->first; i < guards->first + guards->n; i++) {
        const struct guard *one = &schedule->pass->guards[schedule->guard[i]];
        const uint32_t slot = schedule_guard_slot(schedule, ex->model, one);
        if (slot < slots.first || slot - slots.first >= slots.n)
            continue;
        guard = one;
        add_guard(ex, one, &schedule->pass->columns[one->column]);
    }
    if (!guard)
        return;
    if (guard->kind == GUARD_ABFT) {
        const struct guard_abft *table = &ex->abft[guard->node];
        ex->work.bytes += (uint64_t)table->parts * table->part_words * WORD;
    }
    ex->work.evaluations++;
}

void executor_work_features(struct executor *ex)
{
    const struct hparams *hp = &ex->model->hp;
    ex->work.macs += 2 * (uint64_t)hp->n_vocab + hp->n_embd;
    ex->work.bytes += ((uint64_t)hp->n_vocab + hp->n_embd) * WORD;
}

void executor_work_sums(struct executor *ex, uint64_t sums, uint64_t bytes)
{
    ex->work.macs += sums;
    ex->work.bytes += bytes;
}

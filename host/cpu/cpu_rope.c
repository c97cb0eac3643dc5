/* SPDX-License-Identifier: MIT */
/* ROPE: rotates the pairs of each head by the angle of the position. */
#include "cpu/cpu_ops.h"

/* The pair of a rotated feature, and the features (a, b) of the pair. */
static uint32_t pair_of(const struct cpu_rope *rope, uint32_t feature, uint32_t *a, uint32_t *b)
{
    const uint32_t half = rope->rope_dim / 2;
    const uint32_t pair = rope->neox ? feature % half : feature / 2;

    *a = rope->neox ? pair : 2 * pair;
    *b = rope->neox ? pair + half : 2 * pair + 1;
    return pair;
}

/* The result at one feature of a head, before rounding. */
static float rotated(const struct cpu_rope *rope, const float *head, uint32_t feature)
{
    float value = head[feature];

    if (feature < rope->rope_dim) {
        uint32_t a, b;
        const uint32_t pair = pair_of(rope, feature, &a, &b);
        const float c = rope->table[2 * pair], s = rope->table[2 * pair + 1];
        value = feature == a ? head[a] * c - head[b] * s : head[a] * s + head[b] * c;
    }
    return rope->scale == 0 ? value : value * rope->scale;
}

void cpu_rope_scalar(const struct cpu_rope *rope, float *head)
{
    uint32_t a, b;

    for (uint32_t f = 0; f < rope->head_dim; f++) {
        if (f >= rope->rope_dim) {
            head[f] = cpu_round(rotated(rope, head, f), rope->act);
            continue;
        }
        pair_of(rope, f, &a, &b);
        if (f != a)
            continue;
        const float first = rotated(rope, head, a), second = rotated(rope, head, b);
        head[a] = cpu_round(first, rope->act);
        head[b] = cpu_round(second, rope->act);
    }
}

static struct cpu_rope rope_of(const struct cpu_run *run, const struct node *node, uint32_t slot)
{
    const struct cpu *cpu = run->cpu;
    const struct hparams *hp = cpu_hparams(cpu);

    return (struct cpu_rope){.table = cpu->rope[node->table] +
                                      (size_t)column_rope(cpu_column(run, slot)) * hp->rope_dim,
                             .head_dim = hp->head_dim,
                             .rope_dim = hp->rope_dim,
                             .neox = hp->rope_neox,
                             .scale = node->scale,
                             .act = cpu->base.act};
}

static void run_group(const struct cpu_task *task, uint32_t slot, size_t at)
{
    const struct cpu *cpu = task->run->cpu;
    const struct cpu_rope rope = rope_of(task->run, task->node, slot);
    cpu->kernels->rope(&rope, cpu_reg(cpu, task->node->out, slot) + at);
}

void cpu_rope(const struct cpu_task *task)
{
    cpu_share_groups(task, run_group);
}

void cpu_rope_patch(const struct cpu_patch *patch)
{
    const struct cpu_rope rope = rope_of(patch->run, patch->node, patch->slot);
    float *out = cpu_reg(patch->run->cpu, patch->node->out, patch->slot);
    float *x = patch->scratch->input;

    for (uint32_t i = 0; i < patch->node->rows; i++)
        x[i] = cpu_hook_value(patch, (struct cpu_hook_at){HOOK_OPERAND, HOOK_NONE, i, HOOK_NONE},
                              patch->in[i]);
    for (uint32_t i = 0; i < patch->node->rows; i++) {
        const uint32_t feature = i % rope.head_dim;
        out[i] = cpu_hook_result(patch, (struct cpu_hook_at){HOOK_OUT, i, HOOK_NONE, HOOK_NONE},
                                 rotated(&rope, x + (i - feature), feature), rope.act);
    }
}

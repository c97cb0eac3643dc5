/* SPDX-License-Identifier: MIT */
/* CHOOSE: the experts with the largest router logits of a column. */
#include "cpu/cpu_ops.h"

/* An expert and the key of its logit: the order in which they are chosen. */
struct rank {
    uint32_t key, expert;
};

static bool precedes(struct rank a, struct rank b)
{
    return a.key > b.key || (a.key == b.key && a.expert < b.expert);
}

/* The first of those after `last` (null: of all). */
static struct rank next_of(const float *logits, uint32_t n, const struct rank *last)
{
    struct rank best = {0, UINT32_MAX};

    for (uint32_t i = 0; i < n; i++) {
        const struct rank it = {nm_key(lang_bits(logits[i])), i};
        if ((!last || precedes(*last, it)) && precedes(it, best))
            best = it;
    }
    return best;
}

static void run_column(const struct cpu_task *task, uint32_t slot, size_t at)
{
    const struct node *node = task->node;
    const float *logits = cpu_reg(task->run->cpu, node->in, slot);
    float *out = cpu_reg(task->run->cpu, node->out, slot);
    struct rank last = {0, 0};

    (void)at;
    for (uint32_t j = 0; j < node->rows; j++) {
        last = next_of(logits, node->width, j > 0 ? &last : NULL);
        out[j] = lang_float(last.expert);
    }
}

void cpu_choose(const struct cpu_task *task)
{
    cpu_share_groups(task, run_column);
}

/* One choice with its faults: out of the experts' range the run cannot go on, and the fault says
 * so. */
static uint32_t struck(const struct cpu_patch *patch, uint32_t row, uint32_t expert)
{
    const struct cpu_hook_at at = {HOOK_OUT, row, HOOK_NONE, HOOK_NONE};
    const uint32_t other = cpu_hook_bits(patch, at, expert);

    if (other < patch->node->width)
        return other;
    cpu_hook_stray(patch, at);
    return expert;
}

void cpu_choose_patch(const struct cpu_patch *patch)
{
    const struct node *node = patch->node;
    float *logits = patch->scratch->input, *out = cpu_reg(patch->run->cpu, node->out, patch->slot);
    struct rank last = {0, 0};

    for (uint32_t k = 0; k < node->width; k++)
        logits[k] = cpu_hook_value(
            patch, (struct cpu_hook_at){HOOK_OPERAND, HOOK_NONE, k, HOOK_NONE}, patch->in[k]);
    for (uint32_t j = 0; j < node->rows; j++) {
        last = next_of(logits, node->width, j > 0 ? &last : NULL);
        out[j] = lang_float(struck(patch, j, last.expert));
    }
}

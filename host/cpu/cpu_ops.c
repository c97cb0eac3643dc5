/* SPDX-License-Identifier: MIT */
/* What this device does for each op, and how its threads share the work. */
#include "cpu/cpu_ops.h"

static void run_linear(const struct cpu_task *task)
{
    if (task->node->out == REG_L)
        cpu_logits(task);
    else
        cpu_linear(task);
}

/* The whole attention of columns that keep no scores, then the scores of those that do. */
static void run_scores(const struct cpu_task *task)
{
    cpu_attention(task);
    cpu_scores(task);
}

const struct cpu_op CPU_OPS[OP_COUNT] = {
    [OP_EMBED] = {cpu_embed, cpu_embed_patch, CPU_CUT_NONE, CPU_CUT_NONE},
    [OP_NORM] = {cpu_norm, cpu_norm_patch, CPU_CUT_UNITS, CPU_CUT_UNITS},
    [OP_LAYER_NORM] = {cpu_norm, cpu_norm_patch, CPU_CUT_UNITS, CPU_CUT_UNITS},
    [OP_LINEAR] = {run_linear, cpu_linear_patch, CPU_CUT_NONE, CPU_CUT_ROWS},
    [OP_ROPE] = {cpu_rope, cpu_rope_patch, CPU_CUT_UNITS, CPU_CUT_UNITS},
    [OP_STORE] = {cpu_store, NULL, CPU_CUT_UNITS, CPU_CUT_NONE},
    [OP_SCORES] = {run_scores, cpu_scores_patch, CPU_CUT_NONE, CPU_CUT_HEADS},
    [OP_SOFTMAX] = {cpu_softmax, cpu_softmax_patch, CPU_CUT_HEADS, CPU_CUT_HEADS},
    [OP_HEADS] = {cpu_heads, cpu_heads_patch, CPU_CUT_HEADS, CPU_CUT_HEADS},
    [OP_GATE] = {cpu_gate, cpu_gate_patch, CPU_CUT_ROWS, CPU_CUT_ROWS},
    [OP_ACT] = {cpu_gate, cpu_gate_patch, CPU_CUT_ROWS, CPU_CUT_ROWS},
    [OP_ADD] = {cpu_add, cpu_add_patch, CPU_CUT_ROWS, CPU_CUT_ROWS},
    [OP_CHOOSE] = {cpu_choose, cpu_choose_patch, CPU_CUT_UNITS, CPU_CUT_UNITS},
    [OP_ROUTE] = {cpu_route, cpu_route_patch, CPU_CUT_UNITS, CPU_CUT_UNITS},
    [OP_EXPERTS] = {cpu_experts, cpu_experts_patch, CPU_CUT_NONE, CPU_CUT_NONE},
    [OP_MIX] = {cpu_mix, cpu_mix_patch, CPU_CUT_NONE, CPU_CUT_ROWS},
    [OP_SHARE] = {cpu_share_expert, cpu_share_expert_patch, CPU_CUT_ROWS, CPU_CUT_ROWS},
};

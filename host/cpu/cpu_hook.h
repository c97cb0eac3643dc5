/* SPDX-License-Identifier: MIT */
/* Faults in one evaluation of one op (engine 4): what every op's patch shares. */
#ifndef VKFI_CPU_CPU_HOOK_H
#define VKFI_CPU_CPU_HOOK_H

#include "cpu/cpu_state.h"
#include "shared/hook.h"

/* One hook on one column; a patch overwrites the outputs concerned. */
struct cpu_patch {
    struct cpu_run *run;
    const struct node *node;
    struct hook *hook;
    uint32_t slot;
    const float *in; /* input row as the op read it */
    struct cpu_scratch *scratch;
};

/* Puts the fault on `bits` (canonical): the first call counts and notes before and after. */
uint32_t cpu_hook_bits(struct hook_data *data, uint32_t bits);

/* The same on a float: canonical NaN first. */
float cpu_hook_value(struct hook_data *data, float value);

/* The value that goes to the register: with the fault of points OUT and MEM, rounded to `act`. */
float cpu_hook_result(struct hook *hook, float value, uint32_t act);

static inline struct hook_data *cpu_hook_at(const struct cpu_patch *patch, uint32_t point)
{
    return patch->hook->point == point ? &patch->hook->data : NULL;
}

/* Copies input rows that the node is going to overwrite. Before a node with hooks. */
void cpu_hook_save(struct cpu_run *run, uint32_t node);

/* Applies the hooks of a node in their order. After its normal run, on one thread. */
void cpu_hook_apply(struct cpu_run *run, uint32_t node);

/* True if some hook concerns the node (and, if not EXECUTOR_NONE, the column). */
bool cpu_hook_any(const struct pass *pass, uint32_t node, uint32_t column);

#endif

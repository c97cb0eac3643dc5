/* SPDX-License-Identifier: MIT */
/* Second evaluations of ops, for guards that compare two (model/guard.h). */
#ifndef VKFI_CPU_CPU_TWIN_H
#define VKFI_CPU_CPU_TWIN_H

#include "cpu/cpu_state.h"

/* Room for the twins of the pass, whose rows of S, P and L are made. */
enum status cpu_twin_room(struct cpu_run *run) STATUS_MUST_USE;

/* Before the node: keeps inputs that the op overwrites, if it has twins. Threads wait. */
void cpu_twin_keep(const struct cpu_task *task);

/* Whether the op does a matrix's only column and its twin together, reading the weights once. */
bool cpu_twin_doubles(const struct cpu_task *task);

/* After the node and its hooks: the op again on all slots, unless it was doubled, into rows of its
 * own, with the hooks of that evaluation. All threads call it, and wait for each other before and
 * after. */
void cpu_twin_run(const struct cpu_task *task, enum guard_kind kind);

/* The twin of a row of the node's output. */
static inline float *cpu_twin_of(const struct cpu_run *run, const struct node *node,
                                 const float *row)
{
    return run->cpu->twin + (row - run->cpu->reg[node->out]);
}

#endif

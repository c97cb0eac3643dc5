/* SPDX-License-Identifier: MIT */
/* Which nodes must wait for other threads, and which may reuse what a thread prepared. */
#ifndef VKFI_CPU_CPU_PLAN_H
#define VKFI_CPU_CPU_PLAN_H

#include "cpu/cpu_state.h"

/* Fills cpu->nodes (graph.count). */
void cpu_plan(struct cpu *cpu);

#endif

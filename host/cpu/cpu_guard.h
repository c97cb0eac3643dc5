/* SPDX-License-Identifier: MIT */
/* Guards of a pass: what looks at the output of a node behind its hooks. */
#ifndef VKFI_CPU_CPU_GUARD_H
#define VKFI_CPU_CPU_GUARD_H

#include "cpu/cpu_state.h"

/* Verdicts of the node's guards. One thread, behind the hooks and before the watcher. */
void cpu_guard_apply(struct cpu_run *run, uint32_t node);

#endif

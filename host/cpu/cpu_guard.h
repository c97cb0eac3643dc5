/* SPDX-License-Identifier: MIT */
/* Guards of a pass: checks of a node's output after its hooks. */
#ifndef VKFI_CPU_CPU_GUARD_H
#define VKFI_CPU_CPU_GUARD_H

#include "cpu/cpu_state.h"

/* Verdicts of the node's guards. One thread, after the hooks and before the watcher. */
void cpu_guard_apply(struct cpu_run *run, uint32_t index);

#endif

/* SPDX-License-Identifier: MIT */
/* Guards of a pass (model/guard.h): checks of the rows that an op gave. */
#ifndef VKFI_CPU_CPU_GUARD_H
#define VKFI_CPU_CPU_GUARD_H

#include "cpu/cpu_state.h"

/* This thread's part of the guards of its node, after the op and its hooks. Threads wait for each
 * other unless each checks the rows that it gave itself. */
void cpu_guard(const struct cpu_task *task);

/* Before the pass: verdicts of nothing found. After it: as the caller sees them. */
void cpu_guard_begin(const struct pass *pass);
void cpu_guard_end(const struct pass *pass);

#endif

/* SPDX-License-Identifier: MIT */
/* Guards of a pass (model/guard.h): checks of the rows that an op gave. */
#ifndef VKFI_CPU_CPU_GUARD_H
#define VKFI_CPU_CPU_GUARD_H

#include "cpu/cpu_state.h"

/* This thread's part of the guards of its node, after the op and its hooks. Threads wait for each
 * other unless each checks the rows that it gave itself. */
void cpu_guard(const struct cpu_task *task);

/* Before the pass, whose rows of S, P and L are made: verdicts of nothing found, room for twins.
 * After it: verdicts as the caller sees them. */
enum status cpu_guard_begin(struct cpu_run *run) STATUS_MUST_USE;
void cpu_guard_end(const struct pass *pass);

#endif

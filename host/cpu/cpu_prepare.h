/* SPDX-License-Identifier: MIT */
/* All that can fail in a pass, done before its threads start. */
#ifndef VKFI_CPU_CPU_PREPARE_H
#define VKFI_CPU_CPU_PREPARE_H

#include "cpu/cpu_state.h"

/* Pages, rows of S, P and L, room for saved inputs. cpu_prepare_finish follows in any case. */
enum status cpu_prepare(struct cpu_run *run) STATUS_MUST_USE;
void cpu_prepare_finish(struct cpu_run *run);

#endif

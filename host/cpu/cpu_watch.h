/* SPDX-License-Identifier: MIT */
/* Shows the output rows of a node to the pass's watcher. */
#ifndef VKFI_CPU_CPU_WATCH_H
#define VKFI_CPU_CPU_WATCH_H

#include "cpu/cpu_state.h"

/* A slot's row of the node's output, null if not kept: logits and scores of columns without a
 * watcher. */
float *cpu_watch_row(const struct cpu_run *run, const struct node *node, uint32_t slot);

/* Does nothing without a watcher; on one thread. */
void cpu_watch(const struct cpu_run *run, const struct node *node);

#endif

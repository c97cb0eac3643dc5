/* SPDX-License-Identifier: MIT */
/* GUARD_ABFT: check sums of linear ops, by each thread where it has the rows; verdicts at the end
 * of the pass. */
#ifndef VKFI_CPU_CPU_GUARD_ABFT_H
#define VKFI_CPU_CPU_GUARD_ABFT_H

#include "cpu/cpu_state.h"

/* Memory of the pass's guards; before its first node. */
enum status cpu_guard_abft_begin(struct cpu_run *run) STATUS_MUST_USE;

/* A thread's part of a guard's sums: rows [begin, end) of `row`, the output of slot `slot`. */
struct cpu_guard_abft_part {
    uint32_t guard; /* of the pass */
    uint32_t slot;
    const float *row;
    uint32_t begin, end;
};
void cpu_guard_abft_add(const struct cpu_task *task, const struct cpu_guard_abft_part *part);

/* This thread's share of the verdicts, once all threads have added their parts. */
void cpu_guard_abft_end(const struct cpu_task *task);

extern const struct executor_abft_ops cpu_guard_abft_ops;

void cpu_guard_abft_finish(struct cpu *cpu);

#endif

/* SPDX-License-Identifier: MIT */
/* The units in which threads share attention: one query position and heads of one K/V head. */
#ifndef VKFI_CPU_CPU_ATTENTION_H
#define VKFI_CPU_CPU_ATTENTION_H

#include "cpu/cpu_kv.h"

/* Inputs and outputs of one head (set `heads` to include the next ones); S and P are the column's
 * rows, or null where it keeps none. */
struct cpu_attention cpu_attention_job(const struct cpu_run *run, const struct node *node,
                                       uint32_t slot, uint32_t head);

/* The stored bits of a feature of K, or of V, at a key position. */
static inline uint32_t cpu_attention_stored(const struct cpu_attention *job, bool value,
                                            uint32_t key, uint32_t feature)
{
    const struct cpu_kv_at at = {.value = value,
                                 .layer = job->layer,
                                 .page = job->table[key / KV_PAGE_POSITIONS],
                                 .head = job->kv_head,
                                 .feature = feature,
                                 .position = key};
    return cpu_kv_read(job->cpu, &at);
}

/* Calls `kernel` for this thread's units of the columns that keep S and P. */
void cpu_attention_units(const struct cpu_task *task,
                         void (*kernel)(const struct cpu_attention *job));

#endif

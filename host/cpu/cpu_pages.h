/* SPDX-License-Identifier: MIT */
/* Weights in pages (model/executor_weights.h). */
#ifndef VKFI_CPU_CPU_PAGES_H
#define VKFI_CPU_CPU_PAGES_H

#include "cpu/cpu_state.h"

/* The table of regions: each tensor that the graph reads, in tiles or as mapped. */
enum status cpu_pages_init(struct cpu *cpu) STATUS_MUST_USE;

extern const struct executor_weight_ops cpu_pages_ops;

#endif

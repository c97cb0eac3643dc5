/* SPDX-License-Identifier: MIT */
/* Weights in pages: members of struct executor_ops (model/executor_weights.h). */
#ifndef VKFI_CPU_CPU_PAGES_H
#define VKFI_CPU_CPU_PAGES_H

#include "cpu/cpu_state.h"

/* The table of regions: each tensor that the graph reads, in tiles or as mapped. */
enum status cpu_pages_init(struct cpu *cpu) STATUS_MUST_USE;

enum status cpu_pages_sum(struct executor *ex, uint32_t first, uint32_t n,
                          struct weight_sums *out) STATUS_MUST_USE;
enum status cpu_pages_make(const struct executor *ex, const struct weight_region *region,
                           uint32_t unit, uint8_t *out) STATUS_MUST_USE;
enum status cpu_pages_put(struct executor *ex, const struct weight_region *region, uint32_t unit,
                          const uint8_t *bytes) STATUS_MUST_USE;
bool cpu_pages_box(const struct executor *ex, const struct weight_region *region, uint32_t unit,
                   uint32_t i, struct weight_box *out);

#endif

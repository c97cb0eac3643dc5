/* SPDX-License-Identifier: MIT */
/* Weights in the memory of a form, and single rows of them in GGUF terms. */
#ifndef VKFI_CPU_CPU_WEIGHT_H
#define VKFI_CPU_CPU_WEIGHT_H

#include "base/status.h"
#include "cpu/cpu_state.h"

/* Finds the tensors the graph uses; SIMD forms pack those of LINEAR nodes and release the file's
 * pages, or, with `mapped`, make room for one tile a thread. */
enum status cpu_weight_load(struct cpu *cpu) STATUS_MUST_USE;

static inline const struct cpu_weight *cpu_weight_of(const struct cpu *cpu,
                                                     const struct tensor *tensor)
{
    return &cpu->weights[tensor->index];
}

/* 16 rows as SIMD forms read them: in place, or packed into `room` (a thread's tile) from the
 * mapping. */
const uint8_t *cpu_weight_tile(const struct cpu_weight *weight, uint32_t tile, uint8_t *room);

/* A row in GGUF bytes: in place, or unpacked into `room` (the row's bytes). */
const uint8_t *cpu_weight_row(const struct cpu_weight *weight, uint64_t row, uint8_t *room);

/* Elements of a one-dimensional F32 tensor. */
const float *cpu_weight_floats(const struct tensor *tensor);

/* Decodes a row: out (width / 32). Sums over it are cpu_linear's. */
void cpu_weight_decode(const struct cpu_weight *weight, const uint8_t *row,
                       struct quant_block *out);

/* Changes one field where the form holds it: edits `data` (before and after as read back). */
void cpu_weight_edit(struct cpu_weight *weight, const struct weight_site *site,
                     struct hook_data *data, uint8_t *room);

#endif

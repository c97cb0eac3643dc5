/* SPDX-License-Identifier: MIT */
/* Edits from outside a pass, and the executor's pages and rows. */
#ifndef VKFI_CPU_CPU_EDIT_H
#define VKFI_CPU_CPU_EDIT_H

#include "cpu/cpu_state.h"

/* The page of branch, layer and position of `site` becomes the branch's own. */
enum status cpu_edit_page(struct cpu *cpu, const struct kv_site *site) STATUS_MUST_USE;

/* Residual entering `layer` in checkpoint row `row`: (n_embd). */
static inline float *cpu_edit_checkpoint(const struct cpu *cpu, uint32_t row, uint32_t layer)
{
    const struct hparams *hp = cpu_hparams(cpu);
    return cpu->checkpoints + ((size_t)row * (hp->n_layers + 1) + layer) * hp->n_embd;
}

enum status cpu_edit_read_checkpoint(struct executor *ex, uint32_t row, uint32_t layer,
                                     float *out) STATUS_MUST_USE;

extern const struct executor_edit_ops cpu_edit_ops;

#endif

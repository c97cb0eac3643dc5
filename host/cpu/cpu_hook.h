/* SPDX-License-Identifier: MIT */
/* Faults in one evaluation of one op (ENGINE.md 4): what every op's patch shares. */
#ifndef VKFI_CPU_CPU_HOOK_H
#define VKFI_CPU_CPU_HOOK_H

#include "cpu/cpu_state.h"
#include "model/sum_order.h"
#include "shared/hook.h"

/* Hooks on one column; the patch overwrites the outputs concerned. */
struct cpu_patch {
    struct cpu_run *run;
    const struct node *node;
    struct hook **hooks; /* (n_hooks) */
    uint32_t n_hooks;
    uint32_t slot;
    const float *in; /* input row as the op read it */
    struct cpu_scratch *scratch;
};

/* An element of a point: coordinates of the table in shared/hook.h, HOOK_NONE where it has none. */
struct cpu_hook_at {
    uint32_t point, row, k, key;
};

/* Applies the patch's faults of the element to `bits` (canonical), counted and noted. */
uint32_t cpu_hook_bits(const struct cpu_patch *patch, struct cpu_hook_at at, uint32_t bits);

/* The same on a float: NaN is made canonical first if there is a fault. */
float cpu_hook_value(const struct cpu_patch *patch, struct cpu_hook_at at, float value);

/* Joins the chains of block b, which faults name at.k, to their partial; with faults of point
 * ACCUMULATOR if `patch`. */
void cpu_hook_block(const struct cpu_patch *patch, struct cpu_hook_at at, struct order *sum,
                    uint32_t b);

/* The value that goes to the register: with faults of points OUT and MEM, rounded to `act`. */
float cpu_hook_result(const struct cpu_patch *patch, struct cpu_hook_at at, float value,
                      uint32_t act);

/* The faults of point WEIGHT in a stored row as the op reads it, hook by hook: a field that
 * elements share (a scale) changes for all of them. `row`: the output of LINEAR that reads it,
 * elements are k; EMBED: HOOK_NONE, elements are rows. */
void cpu_hook_weights(const struct cpu_patch *patch, uint32_t row, uint8_t *stored);

/* Keys outside [first, last] whose stored entry a capture of the patch needs for `row` of point
 * WEIGHT, from `*key` on; false: there is none left. */
bool cpu_hook_unseen(const struct cpu_patch *patch, uint32_t row, const struct cpu_attention *job,
                     uint32_t *key);

/* Marks the faults of an element whose bits are no number of what there is (struct op_point,
 * bound). */
void cpu_hook_stray(const struct cpu_patch *patch, struct cpu_hook_at at);

/* True if some hook of the patch is at this point (HOOK_SEVERAL: any) and row. */
bool cpu_hook_in(const struct cpu_patch *patch, uint32_t point, uint32_t row);

/* One hook's edit of an element; `note`: counts it. */
uint32_t cpu_hook_edit(const struct cpu_run *run, struct hook_data *data, uint32_t index,
                       uint32_t bits, bool note);

/* Before a node with hooks: copies input rows that the node will overwrite. */
void cpu_hook_save(struct cpu_run *run, uint32_t index);

/* Applies the hooks of a node in one evaluation (guard.h), after its normal run, on one thread. */
void cpu_hook_apply(struct cpu_run *run, uint32_t index, uint32_t evaluation);

#endif

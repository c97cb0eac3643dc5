/* SPDX-License-Identifier: MIT */
/* What a pass does, the same on every device: which columns are evaluated where, what is loaded,
 * saved and given out. Made once, before an executor sees the pass. */
#ifndef VKFI_MODEL_SCHEDULE_H
#define VKFI_MODEL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "model/executor.h"

/* A slot is a row of the registers. Through the layers every column keeps its slot; the outputs
 * then have slots of their own. Borrows the pass. */
struct schedule {
    const struct pass *pass;
    uint32_t *column; /* (n_columns) column of each slot */
    uint32_t *slot;   /* (n_columns) and back */
    uint32_t *active; /* (n_layers) slots 0 .. active - 1 are evaluated in the layer */
    uint32_t *tail;   /* (n_layers) of these, 0 .. tail - 1 after its K/V store too: all that are
                         needed there (and a few that started earlier) */
    uint32_t n_outputs, n_logits;
    uint32_t *output;      /* (n_outputs) columns with outputs; first the n_logits of them that need
                              the output matrix, whose logits are asked for or watched */
    uint32_t *output_slot; /* (n_columns) and back; EXECUTOR_NONE: none */
    bool *hooked;          /* (graph.count) a hook acts at the node */
    bool *guarded;         /* (graph.count) a guard acts after the node */
    bool *edited;          /* (graph.count) one that may change its rows */
    bool *twice;           /* (graph.count) one that evaluates its op twice */
    uint32_t *guard;       /* (n_guards) guards of the pass by node, then by kind, then as given */
    uint32_t *guard_first; /* (graph.count + 1) of a node's, in `guard`; null: the pass has none */
    void *memory;
};

/* The pass has been checked by executor_pass. */
enum status schedule_make(struct schedule *out, const struct model *model,
                          const struct pass *pass) STATUS_MUST_USE;
void schedule_finish(struct schedule *schedule);

/* True if the residual that enters the layer comes from the column's checkpoint. */
bool schedule_loads(const struct column *column, uint32_t layer);

/* True if the residual that enters the layer goes to the column's save row. */
bool schedule_saves(const struct column *column, uint32_t layer);

/* Guards of one node and kind. */
struct schedule_guards {
    enum guard_kind kind;
    uint32_t first, n; /* in schedule.guard */
};

/* From one kind of the node's guards to the next, kinds rising; all zeros at the start. False:
 * there are no more. */
bool schedule_next_guards(const struct schedule *schedule, uint32_t node,
                          struct schedule_guards *it);

/* The slot at which a guard's column is evaluated at its node, EXECUTOR_NONE: at none. */
uint32_t schedule_guard_slot(const struct schedule *schedule, const struct model *model,
                             const struct guard *guard);

/* True if slots of the outputs are other rows than those of the layers, or have just been loaded:
 * residuals have to be moved first. */
bool schedule_gathers(const struct schedule *schedule);

#endif

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
    bool *stops;           /* (graph.count) a hook or a guard acts after the node */
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

/* True if slots of the outputs are other rows than those of the layers, or have just been loaded:
 * residuals have to be moved first. */
bool schedule_gathers(const struct schedule *schedule);

#endif

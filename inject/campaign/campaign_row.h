/* SPDX-License-Identifier: MIT */
/* From a record to its row (METHOD.md 6). */
#ifndef VKFI_INJECT_CAMPAIGN_ROW_H
#define VKFI_INJECT_CAMPAIGN_ROW_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/plan/sample.h"
#include "inject/store/trial_row.h"
#include "inject/trial/trial.h"

/* What every row of an item needs besides its record. */
struct campaign_row_context {
    struct fault_bounds bounds;
    uint32_t golden_len;                  /* tokens */
    const struct plan_question *question; /* null: not scored here */
    const struct golden *golden;          /* of an item of choices; else not looked at */
    const struct decode *decode;          /* gives a run its text; null without a record */
    const char *arm;                      /* its name; null: none */
};

/* Texts of the row are in `arena` or in the model. `draw` null: not of a campaign; fields of
 * FIELD_DRAW stay null, those of FIELD_RUN always. */
enum status campaign_row_make(struct trial_row *out, struct arena *arena,
                              const struct campaign_row_context *context,
                              const struct sample_draw *draw,
                              const struct record *record) STATUS_MUST_USE;

/* The row of a trial that repeatedly ended abnormally: no record, nothing was read back. */
enum status campaign_row_due(struct trial_row *out, struct arena *arena,
                             const struct campaign_row_context *context,
                             const struct sample_draw *draw,
                             enum due_reason reason) STATUS_MUST_USE;

#endif

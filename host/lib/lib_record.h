/* SPDX-License-Identifier: MIT */
/* Records of trials for programs. */
#ifndef VKFI_LIB_RECORD_H
#define VKFI_LIB_RECORD_H

#include "base/json.h"
#include "base/status.h"
#include "inject/store/trial_row_view.h"
#include "inject/trial/trial.h"
#include "lib/lib_protection.h"

/* What a record is read with. */
struct lib_record_context {
    const struct golden *golden;
    struct fault_bounds bounds;
    const char *golden_text;
    const struct lib_protection *protection; /* of the trials; null: none */
};

/* One object: an export's fields of a trial, without those of a campaign only (trial_row_view.h).
 */
void lib_record_json(struct json_writer *w, const struct lib_record_context *context,
                     const struct record *record);

/* The record as a row without fields of a campaign; memory from `arena`. What its policy found. */
enum status lib_record_view(struct trial_row_view *out, struct arena *arena,
                            const struct lib_record_context *context,
                            const struct record *record) STATUS_MUST_USE;
struct lib_findings lib_record_findings(const struct lib_record_context *context,
                                        const struct record *record);

#endif

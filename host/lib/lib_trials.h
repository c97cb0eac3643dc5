/* SPDX-License-Identifier: MIT */
/* A prompt's golden run, and trials of the faults of a file against it. */
#ifndef VKFI_LIB_TRIALS_H
#define VKFI_LIB_TRIALS_H

#include "base/json.h"
#include "base/text.h"
#include "lib/lib_record.h"

#define LIB_TRIALS_BATCH 64u /* trials of a call, at most */

struct lib_trials_params {
    struct generate_params generate;         /* of the golden run, without a check */
    struct golden_shape shape;               /* as given to golden_needs */
    const struct json_doc *doc;              /* the fault file; lives as long as the trials */
    const struct lib_protection *protection; /* of the trials; null: none */
    const struct decode *guarded;            /* with its check */
    bool naive;
};

struct lib_trials {
    const struct lib_trials_params *params;
    struct lib_record_context context;
    struct golden golden;
    bool ran; /* golden: it has branches */
    struct text golden_text;
    struct fault_trials faults;
    bool underflow;       /* of the golden run; CPU devices only */
    uint32_t uncorrected; /* trials */
};

/* Reads the faults and runs golden; memory from `arena`. Finish in any case. */
enum status lib_trials_open(struct lib_trials *out, struct arena *arena,
                            const struct lib_trials_params *params) STATUS_MUST_USE;
void lib_trials_finish(struct lib_trials *trials);

/* How many trials from `first` on a call takes. */
uint32_t lib_trials_next(const struct lib_trials *trials, uint32_t first);
/* Records of these; out (lib_trials_next). */
enum status lib_trials_run(struct lib_trials *trials, struct arena *arena, uint32_t first,
                           struct record *out) STATUS_MUST_USE;
/* Of all trials, as elements of an open array. */
enum status lib_trials_put(struct lib_trials *trials, struct arena *arena,
                           struct json_writer *w) STATUS_MUST_USE;

#endif

/* SPDX-License-Identifier: MIT */
/* The answer to trials: rows, written by a worker and read by the campaign. */
#ifndef VKFI_INJECT_CAMPAIGN_ANSWER_H
#define VKFI_INJECT_CAMPAIGN_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/campaign/campaign_channel.h"
#include "inject/plan/sample.h"
#include "inject/store/store.h"

/* Rows, and the JSON of further faults of trials with several; scratch from `arena`. */
struct campaign_answer_batch {
    const struct trial_row *row;    /* (count) */
    const struct sample_draw *draw; /* (count); null: under an arm, whose faults are known */
    uint32_t count;
};
enum status campaign_answer_rows(const struct campaign_channel *channel, struct arena *arena,
                                 const struct campaign_answer_batch *batch) STATUS_MUST_USE;

/* `count` rows and their further faults; memory from `arena`. STATUS_INTERNAL, logged, if the body
 * is not as written above. */
struct campaign_answer_rows {
    struct trial_row *row; /* (n_rows) */
    uint32_t n_rows;
    struct store_fault *fault; /* (n_faults) */
    uint32_t n_faults;
};
enum status campaign_answer_read_rows(struct field_bytes *body, struct arena *arena, uint32_t count,
                                      struct campaign_answer_rows *out) STATUS_MUST_USE;

#endif

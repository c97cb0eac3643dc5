/* SPDX-License-Identifier: MIT */
/* Workers' answers: message bodies, written on one side and read on the other. */
#ifndef VKFI_INJECT_CAMPAIGN_ANSWER_H
#define VKFI_INJECT_CAMPAIGN_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "inject/campaign/campaign_channel.h"
#include "inject/campaign/campaign_items.h"
#include "inject/plan/sample.h"
#include "inject/store/store.h"

/* --- written by a worker --- */

enum status campaign_answer_ready(const struct campaign_channel *channel,
                                  const struct store_device *device) STATUS_MUST_USE;
enum status campaign_answer_armed(const struct campaign_channel *channel,
                                  double golden_seconds) STATUS_MUST_USE;
enum status campaign_answer_opened(const struct campaign_channel *channel) STATUS_MUST_USE;
enum status campaign_answer_golden(const struct campaign_channel *channel,
                                   const struct campaign_golden *golden) STATUS_MUST_USE;

/* Rows, and the JSON of further faults of trials with several; scratch from `arena`. */
struct campaign_answer_batch {
    const struct row *row;          /* (count) */
    const struct sample_draw *draw; /* (count) */
    uint32_t count;
};
enum status campaign_answer_rows(const struct campaign_channel *channel, struct arena *arena,
                                 const struct campaign_answer_batch *batch) STATUS_MUST_USE;

/* With the last logged line. */
enum status campaign_answer_failed(const struct campaign_channel *channel, enum status failure,
                                   bool final) STATUS_MUST_USE;

/* --- read by the campaign; STATUS_INTERNAL, logged, if the body is not as written above --- */

/* Texts from `arena`. */
enum status campaign_answer_read_device(struct campaign_reader *body, struct arena *arena,
                                        struct store_device *out) STATUS_MUST_USE;
enum status campaign_answer_read_golden(struct campaign_reader *body, struct arena *arena,
                                        struct campaign_golden *out) STATUS_MUST_USE;

/* `count` rows and their further faults; memory from `arena`. */
struct campaign_answer_rows {
    struct row *row; /* (n_rows) */
    uint32_t n_rows;
    struct store_fault *fault; /* (n_faults) */
    uint32_t n_faults;
};
enum status campaign_answer_read_rows(struct campaign_reader *body, struct arena *arena,
                                      uint32_t count,
                                      struct campaign_answer_rows *out) STATUS_MUST_USE;

#endif

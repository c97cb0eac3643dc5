/* SPDX-License-Identifier: MIT */
/* One trial of a database, run again on a device of this machine. */
#ifndef VKFI_INJECT_CAMPAIGN_REPLAY_H
#define VKFI_INJECT_CAMPAIGN_REPLAY_H

#include "base/arena.h"
#include "base/status.h"
#include "inject/campaign/campaign.h"

/* setup: the plan and the model of the database; the first device runs the trial; the CPU golden
 * device is not needed, since golden runs are in the database. */
struct campaign_replay_params {
    struct campaign_setup setup;
    const struct store *store;
    struct store_key key; /* of the trial or clean run, and its arm */
};

struct campaign_replay_result {
    struct trial_row stored, replayed;
    bool identical;
    struct trial_row_difference difference; /* the first */
};

/* Memory of the rows from `arena`. A trial that crashed is run as often as in a campaign, so that
 * `due` recurs. STATUS_INPUT if the trial is not in the database; STATUS_DEVICE if the device fails
 * before the trial runs, or its golden run has other bits than the CPU's. */
enum status campaign_replay(struct campaign_replay_result *out, struct arena *arena,
                            const struct campaign_replay_params *params) STATUS_MUST_USE;

#endif

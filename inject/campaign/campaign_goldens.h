/* SPDX-License-Identifier: MIT */
/* A worker's golden runs of all items that have none, many at a time (tasks/answers.h, choices.h):
 * the same tokens, hashes and log-likelihoods as golden_run gives one by one. */
#ifndef VKFI_INJECT_CAMPAIGN_GOLDENS_H
#define VKFI_INJECT_CAMPAIGN_GOLDENS_H

#include "inject/campaign/campaign_worker.h"
#include "model/decode.h"

/* How an item is decoded; draws of a sampled one are its own. */
struct decode_rules campaign_goldens_rules(const struct plan *plan,
                                           const struct campaign_item *item);

/* Raises positions, branches, pages and columns of `params`, whose model and kv must be set, to
 * what these runs need. STATUS_MEMORY (logged) if the host's is out. */
enum status campaign_goldens_needs(struct executor_params *params,
                                   const struct campaign_world *world) STATUS_MUST_USE;

struct campaign_goldens_params {
    const struct campaign_world *world;
    struct executor *ex;
    /* Called for each item when its run is known, but for golden->underflow: choices in order, then
     * texts in order. A failure ends the runs. */
    enum status (*done)(void *user, uint32_t item, struct campaign_golden *golden);
    void *user;
};

enum status campaign_goldens_run(const struct campaign_goldens_params *params) STATUS_MUST_USE;

#endif

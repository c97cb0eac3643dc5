/* SPDX-License-Identifier: MIT */
/* Which trials remain, and which of them a worker gets next.
 *
 * Ids are taken in rising order, some hundred for each item at a time, so that what is done at any
 * moment is a fair part of the whole; within such a window a worker stays with an item, since its
 * golden run is shared. Runs under arms are added one by one, since the trial says whether they are
 * wanted; they are taken where the item's own trials are all given out. A control that runs a trial
 * again waits until that trial is in the database; where this shard or this call does not run it,
 * its row is made for the comparison alone (a shadow). */
#ifndef VKFI_INJECT_CAMPAIGN_QUEUE_H
#define VKFI_INJECT_CAMPAIGN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "inject/campaign/campaign_isolate.h"
#include "inject/campaign/campaign_shard.h"
#include "inject/campaign/campaign_worker.h"

struct campaign_queue;

#define CAMPAIGN_QUEUE_NO_ITEM UINT32_MAX

/* A trial as the queue sees it. */
struct campaign_queue_trial {
    enum campaign_way way; /* FAST, NAIVE or CPU */
    uint32_t item;
    uint64_t original; /* NAIVE, CPU: of the trial run again */
};

struct campaign_queue_params {
    enum status (*describe)(void *user, uint64_t id, struct campaign_queue_trial *out);
    void *user;
    uint32_t n_items, n_arms; /* arms: at most PLAN_ARMS_MOST */
    uint64_t trials;          /* of the campaign */
    uint32_t shard, shards;
    const uint8_t *done; /* ((trials + 7) / 8): bit set: in the database. Copied */
    uint64_t limit;      /* most ids, whose runs under arms are not counted; 0: all */
    uint32_t window;     /* ids taken at a time for each item; 0: 256 */
    /* (n_items) items in the order in which they are taken, and (n_looks) rising ids below which
     * all is to be done early, for a campaign with looks; null: in order of number, and none. They
     * outlive the queue. */
    const uint32_t *order;
    const uint64_t *look;
    uint32_t n_looks;
};

enum status campaign_queue_create(struct campaign_queue **out,
                                  const struct campaign_queue_params *params) STATUS_MUST_USE;
void campaign_queue_destroy(struct campaign_queue **queue);

/* A worker that asks for work. */
struct campaign_queue_asker {
    bool takes[CAMPAIGN_WAY_COUNT];
    bool arms;
    uint32_t item; /* whose golden run it holds, or CAMPAIGN_QUEUE_NO_ITEM */
    uint32_t most; /* trials, at most CAMPAIGN_BATCH_MAX */
};

/* Its next batch: trials of one item and one way. */
enum status campaign_queue_next(struct campaign_queue *queue,
                                const struct campaign_queue_asker *asker,
                                struct campaign_batch *out) STATUS_MUST_USE;

/* A batch not run, in part or as a whole: another worker gets it. */
enum status campaign_queue_give_back(struct campaign_queue *queue,
                                     const struct campaign_batch *batch) STATUS_MUST_USE;

/* A trial is in the database, or a shadow's row exists: controls waiting for it are ready. */
enum status campaign_queue_done(struct campaign_queue *queue, uint32_t way,
                                uint64_t id) STATUS_MUST_USE;

/* A run under an arm: of a trial that is done, or an item's clean run (campaign_arm.h). */
struct campaign_queue_arm {
    uint32_t arm, item;
    uint64_t id;
};
enum status campaign_queue_add_arm(struct campaign_queue *queue,
                                   const struct campaign_queue_arm *run) STATUS_MUST_USE;

/* Ids that this call runs, and those not yet done. Neither shadows nor arms count. */
uint64_t campaign_queue_target(const struct campaign_queue *queue);
uint64_t campaign_queue_left(const struct campaign_queue *queue);

/* Runs under arms that were added and are not done. */
uint64_t campaign_queue_arms_left(const struct campaign_queue *queue);

/* Ids 0 .. n - 1 that are all done, also by other calls; of a whole campaign. */
uint64_t campaign_queue_leading(struct campaign_queue *queue);

#endif

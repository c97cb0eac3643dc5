/* SPDX-License-Identifier: MIT */
/* What the parts of a running campaign share: golden runs, commits, progress. */
#ifndef VKFI_INJECT_CAMPAIGN_STATE_H
#define VKFI_INJECT_CAMPAIGN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "inject/campaign/campaign.h"
#include "inject/campaign/campaign_estimate.h"
#include "inject/campaign/campaign_items.h"
#include "inject/campaign/campaign_queue.h"
#include "inject/campaign/campaign_worker.h"

/* The row of a trial that is compared with a control and not kept. */
struct campaign_shadow {
    struct campaign_shadow *next;
    struct arena arena;
    struct trial_row row;
};

/* A device while the campaign runs. */
struct campaign_seat {
    bool opened;
    uint32_t row;  /* in table device */
    uint32_t item; /* whose golden run its worker holds */
};

struct campaign_state {
    const struct campaign_params *params;
    const struct campaign_setup *setup;
    struct arena arena;
    struct campaign_item *item;
    struct sample *sample;
    struct certify *certify;
    struct campaign_score *score;
    struct store *store;
    struct store *kept; /* golden runs while there is no database yet; null: none */
    bool resumed;       /* the database existed */
    struct campaign_queue *queue;
    struct campaign_estimate *estimate;
    struct campaign_shadow *shadow;
    uint8_t *armed; /* (n_arms, trials + n_items) bits: runs under arms in the database when this
                       call began; null: no arms */
    struct campaign_world world;
    struct campaign_seat seat[CAMPAIGN_DEVICES_MAX];

    struct campaign_progress progress;
    struct campaign_rate rate[CAMPAIGN_DEVICES_MAX];
    double began, last_tick; /* time of the first dispatch, of the last reported tick */
    uint64_t done_before;    /* trials in the database when this call began */
    uint64_t armed_before;   /* runs under arms there */
    uint64_t armed_done;     /* of this call */
    bool decided;            /* a look has ended the campaign: nothing new starts */
};

static inline int campaign_state_stop(const struct campaign_state *s)
{
    return s->setup->stop ? (int)*s->setup->stop : 0;
}

/* campaign_golden.c: the golden run on the reference of each item without one. While there is no
 * database, which needs the draw and so all of them, they are kept in a file beside it, which the
 * next call goes on from. That is dropped once the database has them. */
enum status campaign_golden_run(struct campaign_state *s) STATUS_MUST_USE;
void campaign_golden_drop(struct campaign_state *s);

/* campaign_look.c: the order of work of a campaign with looks, and the looks. */
enum status campaign_look_order(struct campaign_state *s,
                                struct campaign_queue_params *out) STATUS_MUST_USE;
enum status campaign_look_now(struct campaign_state *s) STATUS_MUST_USE;

/* campaign_armed.c: runs under arms. At the start those that the database lacks, and that of a row
 * of arm none just written or read, if it wants them; the weight of a row of an arm. */
enum status campaign_armed_begin(struct campaign_state *s) STATUS_MUST_USE;
enum status campaign_armed_add(struct campaign_state *s,
                               const struct trial_row *row) STATUS_MUST_USE;
enum status campaign_armed_weigh(struct campaign_state *s, struct trial_row *row) STATUS_MUST_USE;

/* campaign_commit.c: writes answers, due trials and incidents into the database; compares controls.
 * The functions of campaign_crew_owner. */
enum status campaign_commit_answer(void *user, const struct campaign_answer *answer,
                                   struct field_bytes *body) STATUS_MUST_USE;
enum status campaign_commit_due(void *user, const struct campaign_due *due) STATUS_MUST_USE;
enum status campaign_commit_incident(void *user, uint32_t device, uint64_t trial,
                                     const char *what) STATUS_MUST_USE;
enum status campaign_commit_broken(void *user, uint32_t device, enum status st,
                                   const char *how) STATUS_MUST_USE;
void campaign_commit_finish(struct campaign_state *s); /* frees the shadows */

/* campaign_tell.c: events. */
void campaign_tell(struct campaign_state *s, const struct campaign_event *event);
enum status campaign_tell_begin(struct campaign_state *s) STATUS_MUST_USE;
enum status campaign_tell_batch(struct campaign_state *s, const struct campaign_answer *answer,
                                uint32_t rows) STATUS_MUST_USE;
void campaign_tell_failed(void *user, uint32_t device, const char *how, bool aside);
void campaign_tell_tick(void *user);
enum status campaign_tell_end(struct campaign_state *s) STATUS_MUST_USE;

#endif

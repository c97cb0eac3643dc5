/* SPDX-License-Identifier: MIT */
/* The first part of a campaign: golden runs on the reference, whose lengths the draw needs. */
#include <inttypes.h>

#include "base/log.h"
#include "inject/campaign/campaign_answer.h"
#include "inject/campaign/campaign_state.h"

static uint32_t find_unknown(const struct campaign_state *s, uint32_t from)
{
    const uint32_t n = s->setup->plan->n_items;
    while (from < n && s->item[from].known)
        from++;
    return from;
}

static enum status work(void *user, uint32_t device, struct campaign_channel *channel)
{
    const struct campaign_state *s = user;
    (void)device; /* the reference is the only one here */
    return campaign_worker_serve(&s->world, s->setup->reference, channel);
}

static enum status next(void *user, uint32_t device, struct campaign_batch *out)
{
    const struct campaign_state *s = user;
    (void)device;
    *out = (struct campaign_batch){.work = CAMPAIGN_WAY_GOLDEN, .item = find_unknown(s, 0)};
    out->any = out->item < s->setup->plan->n_items;
    return STATUS_OK;
}

static enum status give_back(void *user, const struct campaign_batch *batch)
{
    (void)user; /* the item stays unknown */
    (void)batch;
    return STATUS_OK;
}

static enum status ready(void *user, uint32_t device, struct campaign_reader *body)
{
    struct store_device info;
    (void)user;
    (void)device;
    return campaign_answer_read_device(body, &info);
}

static enum status done(void *user, const struct campaign_answer *answer,
                        struct campaign_reader *body)
{
    struct campaign_state *s = user;
    struct campaign_golden golden;
    const uint32_t item = answer->batch->item;
    enum status st = campaign_answer_read_golden(body, &s->arena, &golden);
    if (!st)
        st = campaign_items_set(&s->item[item], &s->arena, &golden, s->setup->model);
    if (!st)
        campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_GOLDEN,
                                                  .item = item,
                                                  .items = s->setup->plan->n_items});
    return st;
}

/* Golden work has no trials to blame. */
static enum status due(void *user, const struct campaign_due *due_trial)
{
    (void)user;
    log_error("a golden run was taken for a trial (%s)", due_trial->how);
    return STATUS_INTERNAL;
}

static enum status incident(void *user, uint32_t device, uint64_t trial, const char *what)
{
    (void)user;
    (void)device;
    (void)trial;
    log_error("a golden run was taken for a trial (%s)", what);
    return STATUS_INTERNAL;
}

static void failed(void *user, uint32_t device, const char *how, bool aside)
{
    struct campaign_state *s = user;
    (void)device;
    campaign_tell_failed(s, s->setup->reference, how, aside);
}

static void tick(void *user)
{
    (void)user;
}

enum status campaign_golden_run(struct campaign_state *s)
{
    const struct campaign_setup *setup = s->setup;
    const uint32_t n = setup->plan->n_items;
    const struct campaign_crew_params params = {.name = &setup->device[setup->reference].name,
                                                .n_devices = 1,
                                                .retry = setup->plan->retry,
                                                .watchdog = setup->watchdog,
                                                .stop = setup->stop,
                                                .leave = setup->leave};
    const struct campaign_crew_owner owner = {.user = s,
                                              .work = work,
                                              .next = next,
                                              .give_back = give_back,
                                              .ready = ready,
                                              .done = done,
                                              .due = due,
                                              .incident = incident,
                                              .failed = failed,
                                              .tick = tick};
    if (find_unknown(s, 0) == n)
        return STATUS_OK;
    enum status st = campaign_crew_run(&params, &owner);
    const uint32_t left = find_unknown(s, 0);
    if (st || left == n || campaign_state_stop(s) > 0)
        return st;
    log_error("%s: could not make the golden run of prompt %" PRIu32,
              setup->device[setup->reference].name, left);
    return STATUS_DEVICE;
}

/* SPDX-License-Identifier: MIT */
/* The first part of a campaign: golden runs on the reference, whose lengths the draw needs. The
 * other devices are opened meanwhile, so that a failure is known before the long work. */
#include <inttypes.h>

#include "base/log.h"
#include "inject/campaign/campaign_score.h"
#include "inject/campaign/campaign_state.h"
#include "inject/campaign/campaign_team.h"
#include "inject/store/store_tables.h"

static uint32_t find_unknown(const struct campaign_state *s, uint32_t from)
{
    const uint32_t n = s->setup->plan->n_items;
    while (from < n && s->item[from].known)
        from++;
    return from;
}

static enum status next(void *user, uint32_t device, struct campaign_batch *out)
{
    struct campaign_state *s = user;
    *out = (struct campaign_batch){.work = CAMPAIGN_WAY_OPEN, .any = !s->seat[device].opened};
    if (device == s->setup->reference) {
        out->work = CAMPAIGN_WAY_GOLDEN;
        out->item = find_unknown(s, 0);
        out->any = out->item < s->setup->plan->n_items;
    }
    return STATUS_OK;
}

static enum status ready(void *user, uint32_t device, struct field_bytes *body)
{
    struct campaign_state *s = user;
    struct store_device info;
    s->seat[device].opened = true;
    return campaign_channel_take_last(body, store_tables_fields(STORE_DEVICES), &info, &s->arena);
}

static enum status done(void *user, const struct campaign_answer *answer, struct field_bytes *body)
{
    struct campaign_state *s = user;
    struct store_item row = {0};
    const uint32_t item = answer->batch->item;
    if (answer->batch->work == CAMPAIGN_WAY_OPEN)
        return STATUS_OK;
    enum status st =
        campaign_channel_take_last(body, store_tables_fields(STORE_ITEMS), &row, &s->arena);
    if (!st)
        st = campaign_items_take(s->item, s->setup->plan, &row);
    if (!st)
        st = campaign_score_item(s->score, &s->arena, &s->item[item].row);
    if (!st)
        campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_GOLDEN,
                                                  .item = item,
                                                  .items = s->setup->plan->n_items});
    return st;
}

/* Golden runs have no trials to blame. */
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

enum status campaign_golden_run(struct campaign_state *s)
{
    const struct campaign_setup *setup = s->setup;
    const uint32_t n = setup->plan->n_items;
    const struct campaign_crew_owner owner = {.user = s,
                                              .next = next, /* an item given back stays unknown */
                                              .ready = ready,
                                              .done = done,
                                              .due = due,
                                              .incident = incident,
                                              .failed = campaign_tell_failed};
    if (find_unknown(s, 0) == n)
        return STATUS_OK;
    enum status st = campaign_team_run(&s->world, setup->n_devices, &owner);
    for (uint32_t i = 0; i < setup->n_devices; i++)
        s->seat[i] = (struct campaign_seat){.item = CAMPAIGN_QUEUE_NO_ITEM};
    const uint32_t left = find_unknown(s, 0);
    if (st || left == n || campaign_state_stop(s) > 0)
        return st;
    log_error("%s: could not make the golden run of prompt %" PRIu32,
              setup->device[setup->reference].name, left);
    return STATUS_DEVICE;
}

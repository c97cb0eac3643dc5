/* SPDX-License-Identifier: MIT */
/* The loop over the workers' channels, deadlines and failures. */
#include "inject/campaign/campaign_crew.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "inject/campaign/campaign_process.h"

#define TICK 0.1           /* seconds between looks at deadlines and signals */
#define PATIENCE 10.0      /* seconds for a device to be closed */
#define CRASH_PATIENCE 1.0 /* seconds for a process to end after its channel closed */
#define FAILURES_BEYOND 3u /* a due trial takes up to retry + 2 in a row */
#define HOW 512

enum slot_state { SLOT_OFF, SLOT_STARTING, SLOT_IDLE, SLOT_BUSY, SLOT_ASIDE };

/* One device. */
struct slot {
    struct crew *crew;
    uint32_t device;
    enum slot_state state;
    struct campaign_process process;
    bool opened;                  /* it was open once: failures from then on are retried */
    bool fresh;                   /* this process has answered nothing yet */
    bool has_batch, alone, armed; /* alone: the batch is a suspect of `isolate` */
    struct campaign_batch batch;
    struct campaign_isolate isolate;
    uint32_t failures; /* in a row */
    double sent, armed_at, deadline;
    enum due_reason reason; /* of the last failure */
    bool outside;           /* it came from outside the worker */
    char how[HOW];          /* the same in words */
};

struct crew {
    const struct campaign_crew_params *params;
    const struct campaign_crew_owner *owner;
    struct slot slot[CAMPAIGN_DEVICES_MAX];
    double last_look;
};

static int stop_level(const struct crew *crew)
{
    return crew->params->stop ? (int)*crew->params->stop : 0;
}

static const char *name_of(const struct slot *slot)
{
    return slot->crew->params->name[slot->device];
}

/* --- a worker's life --- */

static enum status child_body(void *user, struct campaign_channel *channel)
{
    struct slot *slot = user;
    const struct campaign_crew_params *params = slot->crew->params;
    return params->work(params->world, slot->device, channel);
}

static enum status start(struct slot *slot)
{
    const struct campaign_crew_params *params = slot->crew->params;
    const struct campaign_process_params process = {
        .body = child_body, .user = slot, .leave = params->leave, .file = params->file};
    enum status st = campaign_process_start(&slot->process, &process);
    if (st)
        return st;
    slot->state = SLOT_STARTING;
    slot->fresh = true;
    slot->deadline = clock_seconds() + params->watchdog.start;
    return STATUS_OK;
}

/* --- optional calls of the owner --- */

static enum status return_batch(const struct slot *slot, const struct campaign_batch *batch)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    return owner->give_back ? owner->give_back(owner->user, batch) : STATUS_OK;
}

static void tell_failed(const struct slot *slot, bool aside)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    if (owner->failed)
        owner->failed(owner->user, slot->device, slot->how, aside);
}

static enum status tell_broken(const struct slot *slot, enum status st)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    return owner->broken ? owner->broken(owner->user, slot->device, st, slot->how) : st;
}

/* Returns the worker's trials to the owner. */
static enum status give_back(struct slot *slot)
{
    struct campaign_batch rest;
    enum status st = STATUS_OK;
    if (campaign_isolate_rest(&slot->isolate, &rest)) /* this includes a batch that runs alone */
        st = return_batch(slot, &rest);
    if (!st && slot->has_batch && !slot->alone)
        st = return_batch(slot, &slot->batch);
    slot->isolate.on = false;
    slot->has_batch = false;
    return st;
}

/* --- failures --- */

static enum status tell_incident(struct slot *slot, uint64_t trial, uint32_t together)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    char what[HOW + 160];
    if (together > 1)
        snprintf(what, sizeof(what),
                 "%s: the worker %s in a batch of %" PRIu32
                 " trials from this one on; none failed when it ran alone",
                 name_of(slot), slot->how, together);
    else
        snprintf(what, sizeof(what), "%s: the worker %s; it did not when the trial ran again",
                 name_of(slot), slot->how);
    return owner->incident(owner->user, slot->device, trial, what);
}

static enum status tell_due(struct slot *slot, uint32_t attempts)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    const struct campaign_due due = {.device = slot->device,
                                     .batch = &slot->batch,
                                     .attempts = attempts,
                                     .reason = slot->reason,
                                     .how = slot->how};
    slot->has_batch = false;
    slot->failures = 0;
    return owner->due(owner->user, &due);
}

/* The worker ended while trials ran: they are to blame until proven otherwise. */
static enum status blame(struct slot *slot)
{
    const uint32_t attempts = slot->isolate.attempts + 1;
    const bool fresh = slot->fresh && !slot->outside;
    if (!slot->alone) {
        campaign_isolate_begin(&slot->isolate, &slot->batch, fresh);
        slot->has_batch = false;
        return STATUS_OK;
    }
    if (campaign_isolate_failed(&slot->isolate, fresh, slot->crew->params->retry) ==
        CAMPAIGN_ISOLATE_DUE)
        return tell_due(slot, attempts);
    return STATUS_OK; /* the batch stays, for a fresh worker */
}

static enum status set_aside(struct slot *slot)
{
    slot->state = SLOT_ASIDE;
    log_warn("%s: set aside after %" PRIu32 " failures in a row; the last: the worker %s",
             name_of(slot), slot->failures, slot->how);
    tell_failed(slot, true);
    return give_back(slot);
}

/* With slot->reason and how set: ends the process and isolates its trials. */
static enum status fail(struct slot *slot)
{
    const struct crew *crew = slot->crew;
    const bool busy = slot->state == SLOT_BUSY;
    slot->failures++;
    slot->state = SLOT_OFF;
    if (slot->failures >= crew->params->retry + FAILURES_BEYOND)
        return set_aside(slot);
    log_warn("%s: the worker %s; it is started again", name_of(slot), slot->how);
    tell_failed(slot, false);
    return busy && slot->armed ? blame(slot) : STATUS_OK;
}

/* No trial sends SIGKILL: whoever did (a person, the system out of memory) gives no evidence
 * against the trials that ran. */
static enum status fail_ended(struct slot *slot)
{
    slot->outside = campaign_process_end(&slot->process, CRASH_PATIENCE, slot->how) == -SIGKILL;
    slot->reason = DUE_ABORT;
    return fail(slot);
}

static enum status fail_silent(struct slot *slot, double now)
{
    const double since =
        slot->state == SLOT_BUSY ? slot->sent : slot->deadline - slot->crew->params->watchdog.start;
    campaign_process_end(&slot->process, 0, NULL);
    slot->reason = DUE_RUNAWAY;
    slot->outside = false;
    snprintf(slot->how, sizeof(slot->how), "did not answer within %.0f s", now - since);
    return fail(slot);
}

/* CAMPAIGN_FAILED: the worker itself found that it cannot go on. */
static enum status fail_said(struct slot *slot, struct field_bytes *body)
{
    struct arena arena = {0};
    struct campaign_failure said = {0};
    enum status st = campaign_channel_take_last(body, &campaign_failure_table, &said, &arena);
    if (!st) {
        const bool known = said.status > STATUS_OK && said.status < STATUS_COUNT;
        const enum status why = known ? (enum status)said.status : STATUS_INTERNAL;
        snprintf(slot->how, sizeof(slot->how), "said: %s",
                 said.line ? said.line : status_name(why));
        slot->reason = why == STATUS_DEVICE_LOST ? DUE_DEVICE_LOST : DUE_ABORT;
        slot->outside = false;
        campaign_process_end(&slot->process, CRASH_PATIENCE, NULL);
        st = said.final || !slot->opened ? tell_broken(slot, why) : fail(slot);
    }
    arena_finish(&arena);
    return st;
}

/* --- messages --- */

static enum status send_batch(struct slot *slot)
{
    struct text body = {0};
    campaign_channel_put_batch(&body, &slot->batch);
    slot->state = SLOT_BUSY;
    slot->armed = false;
    slot->sent = slot->armed_at = clock_seconds();
    slot->deadline = slot->sent + slot->crew->params->watchdog.start;
    const enum status st = campaign_channel_send(&slot->process.channel, CAMPAIGN_WORK, &body);
    return st == STATUS_IO ? STATUS_OK : st; /* a dead worker shows by its closed channel */
}

static enum status hear_ready(struct slot *slot, struct field_bytes *body)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    slot->opened = true;
    slot->state = SLOT_IDLE;
    enum status st = owner->ready(owner->user, slot->device, body);
    return !st && slot->has_batch ? send_batch(slot) : st;
}

static enum status hear_armed(struct slot *slot, struct field_bytes *body)
{
    const struct campaign_watchdog *watchdog = &slot->crew->params->watchdog;
    struct campaign_armed armed = {0};
    const enum status st = campaign_channel_take_last(body, &campaign_armed_table, &armed, NULL);
    slot->armed = true;
    slot->armed_at = clock_seconds();
    slot->deadline = slot->armed_at + watchdog->base +
                     watchdog->factor * armed.golden_seconds * slot->batch.count;
    return st;
}

/* The worker advances: it gets as long again for the next part. */
static enum status hear_part(struct slot *slot, struct field_bytes *body)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    slot->failures = 0;
    slot->deadline = clock_seconds() + slot->crew->params->watchdog.start;
    return owner->part ? owner->part(owner->user, slot->device, body) : STATUS_OK;
}

static enum status hear_done(struct slot *slot, struct field_bytes *body)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    const double now = clock_seconds();
    const struct campaign_answer answer = {.device = slot->device,
                                           .batch = &slot->batch,
                                           .attempts = slot->alone ? slot->isolate.attempts + 1 : 1,
                                           .seconds = now - slot->sent,
                                           .armed = now - slot->armed_at};
    enum status st = owner->done(owner->user, &answer, body);
    slot->state = SLOT_IDLE;
    slot->has_batch = slot->fresh = false;
    slot->failures = 0;
    if (st || !slot->alone)
        return st;
    const uint32_t together = slot->isolate.batch.count;
    switch (campaign_isolate_passed(&slot->isolate)) {
    case CAMPAIGN_ISOLATE_TRIAL_INCIDENT:
        return tell_incident(slot, slot->batch.id[0], 1);
    case CAMPAIGN_ISOLATE_BATCH_INCIDENT:
        return tell_incident(slot, slot->isolate.batch.id[0], together);
    default:
        return STATUS_OK;
    }
}

static enum status hear(struct slot *slot, const struct campaign_message *message)
{
    struct field_bytes body = message->body;
    if (message->kind == CAMPAIGN_READY && slot->state == SLOT_STARTING)
        return hear_ready(slot, &body);
    if (message->kind == CAMPAIGN_FAILED)
        return fail_said(slot, &body);
    if (message->kind == CAMPAIGN_PART && slot->state == SLOT_BUSY && !slot->armed)
        return hear_part(slot, &body);
    if (message->kind == CAMPAIGN_DONE && slot->state == SLOT_BUSY)
        return hear_done(slot, &body);
    if (message->kind == CAMPAIGN_ARMED && slot->state == SLOT_BUSY)
        return hear_armed(slot, &body);
    log_error("%s: found message %" PRIu32 " of a worker in state %d, expected another one",
              name_of(slot), message->kind, (int)slot->state);
    return STATUS_INTERNAL;
}

static enum status listen(struct slot *slot)
{
    struct campaign_message message;
    bool open = true;
    enum status st = campaign_channel_read(&slot->process.channel, &open);
    while (!st && slot->process.pid != 0 && campaign_channel_next(&slot->process.channel, &message))
        st = hear(slot, &message);
    if (!st && !open && slot->process.pid != 0)
        st = fail_ended(slot);
    return st;
}

/* --- the loop --- */

static enum status find_work(struct slot *slot)
{
    const struct campaign_crew_owner *owner = slot->crew->owner;
    if (slot->state != SLOT_IDLE && slot->state != SLOT_OFF)
        return STATUS_OK;
    if (stop_level(slot->crew) > 0)
        return give_back(slot);
    enum status st = STATUS_OK;
    if (!slot->has_batch) {
        slot->alone = campaign_isolate_next(&slot->isolate, &slot->batch);
        if (!slot->alone)
            st = owner->next(owner->user, slot->device, &slot->batch);
        slot->has_batch = !st && slot->batch.any;
    }
    if (st || !slot->has_batch)
        return st;
    return slot->state == SLOT_OFF ? start(slot) : send_batch(slot);
}

static bool is_active(const struct slot *slot)
{
    return slot->state == SLOT_STARTING || slot->state == SLOT_BUSY;
}

/* Time in which this process did not run (stopped, or the machine asleep) does not count. */
static void forgive_pause(struct crew *crew, double now)
{
    const double pause = now - crew->last_look;
    if (crew->last_look > 0 && pause > 10 * TICK) {
        for (uint32_t i = 0; i < crew->params->n_devices; i++)
            crew->slot[i].deadline += pause;
    }
    crew->last_look = now;
}

static enum status look(struct slot *slot, double now)
{
    const bool unarmed = slot->state == SLOT_BUSY && !slot->armed;
    if ((slot->state == SLOT_STARTING || unarmed) && stop_level(slot->crew) > 0) {
        campaign_process_end(&slot->process, 0, NULL); /* none of its trials has started */
        slot->state = SLOT_OFF;
        return STATUS_OK;
    }
    return is_active(slot) && now > slot->deadline ? fail_silent(slot, now) : STATUS_OK;
}

/* Waits for messages, at most a tick, and handles them. */
static enum status step(struct crew *crew)
{
    struct pollfd fd[CAMPAIGN_DEVICES_MAX];
    enum status st = STATUS_OK;
    const uint32_t n = crew->params->n_devices;
    for (uint32_t i = 0; i < n; i++) {
        const struct slot *slot = &crew->slot[i];
        fd[i] = (struct pollfd){.fd = slot->process.pid ? slot->process.channel.fd : -1,
                                .events = POLLIN};
    }
    forgive_pause(crew, clock_seconds());
    const int got = poll(fd, n, (int)(1000 * TICK));
    for (uint32_t i = 0; !st && got > 0 && i < n; i++) {
        if (fd[i].revents)
            st = listen(&crew->slot[i]);
    }
    for (uint32_t i = 0; !st && i < n; i++)
        st = look(&crew->slot[i], clock_seconds());
    if (crew->owner->tick)
        crew->owner->tick(crew->owner->user);
    return st;
}

static enum status run(struct crew *crew)
{
    for (;;) {
        enum status st = STATUS_OK;
        bool active = false;
        for (uint32_t i = 0; !st && i < crew->params->n_devices; i++)
            st = find_work(&crew->slot[i]);
        for (uint32_t i = 0; i < crew->params->n_devices; i++)
            active = active || is_active(&crew->slot[i]);
        if (st || !active || stop_level(crew) > 1)
            return st;
        st = step(crew);
        if (st)
            return st;
    }
}

/* Workers close their devices in parallel; their findings then (messages of the validation layer)
 * count. */
static enum status dismiss(struct crew *crew, enum status st)
{
    const double patience = st || stop_level(crew) > 1 ? 0 : PATIENCE;
    for (uint32_t i = 0; i < crew->params->n_devices; i++) {
        if (crew->slot[i].process.pid != 0)
            campaign_channel_finish(&crew->slot[i].process.channel);
    }
    for (uint32_t i = 0; i < crew->params->n_devices; i++) {
        const int code = campaign_process_end(&crew->slot[i].process, patience, NULL);
        st = !st && code > STATUS_OK && code < STATUS_COUNT ? (enum status)code : st;
    }
    return st;
}

enum status campaign_crew_run(const struct campaign_crew_params *params,
                              const struct campaign_crew_owner *owner)
{
    struct crew crew = {.params = params, .owner = owner};
    if (params->n_devices > CAMPAIGN_DEVICES_MAX) {
        log_error("found %" PRIu32 " devices, expected at most %d", params->n_devices,
                  CAMPAIGN_DEVICES_MAX - 1);
        return STATUS_USAGE;
    }
    for (uint32_t i = 0; i < params->n_devices; i++)
        crew.slot[i] = (struct slot){.crew = &crew, .device = i};
    return dismiss(&crew, run(&crew));
}

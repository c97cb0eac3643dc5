/* SPDX-License-Identifier: MIT */
/* Progress: trials done, speed, time left, and the SDC share so far. */
#include <math.h>

#include "base/clock.h"
#include "inject/campaign/campaign_state.h"

#define TICK_EVENTS 0.5 /* seconds between two */
#define RATE_WEIGHT 0.3 /* of the newest batch in a device's rate */

void campaign_tell(struct campaign_state *s, const struct campaign_event *event)
{
    struct campaign_event told = *event;
    told.progress = &s->progress;
    if (s->params->event)
        s->params->event(s->params->user, &told);
}

static void take_estimate(struct campaign_progress *p,
                          const struct campaign_estimate_result *estimate)
{
    p->counted = estimate->counted;
    p->sdc = estimate->sdc;
    p->due = estimate->due;
    p->critical = estimate->critical;
    p->rated = estimate->rated;
    p->weighted = estimate->weighted;
    p->enough = estimate->enough;
    p->sdc_rate = estimate->rate;
    p->sdc_interval = estimate->interval;
    p->sdc_confidence = estimate->confidence;
}

static enum status update(struct campaign_state *s, bool final)
{
    struct campaign_progress *p = &s->progress;
    struct campaign_estimate_result estimate;
    const uint64_t left = campaign_queue_left(s->queue);
    const uint64_t armed_left = campaign_queue_arms_left(s->queue);
    enum status st = final ? campaign_estimate_final(s->estimate, &estimate)
                           : campaign_estimate_now(s->estimate, &estimate);
    if (st)
        return st;
    take_estimate(p, &estimate);
    p->interrupted = campaign_state_stop(s) > 0;
    p->done = p->target - left;
    p->seconds = s->began > 0 ? clock_seconds() - s->began : 0;
    p->armed = s->armed_before + s->armed_done;
    p->armed_left = armed_left;
    const uint64_t ran = p->done - s->done_before + s->armed_done;
    p->per_second = p->seconds > 0 ? (double)ran / p->seconds : 0;
    p->left = p->per_second > 0 ? (double)(left + armed_left) / p->per_second : NAN;
    return STATUS_OK;
}

enum status campaign_tell_begin(struct campaign_state *s)
{
    struct campaign_progress *p = &s->progress;
    p->planned = store_planned(store_identity(s->store));
    p->rate = s->rate;
    p->n_rates = s->setup->n_devices;
    p->scored = plan_scores(s->setup->plan);
    for (uint32_t i = 0; i < p->n_rates; i++)
        s->rate[i].name = s->setup->device[i].name;
    p->target = s->done_before + campaign_queue_target(s->queue);
    s->began = clock_seconds();
    const enum status st = update(s, true);
    campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_BEGIN});
    return st;
}

enum status campaign_tell_batch(struct campaign_state *s, const struct campaign_answer *answer,
                                uint32_t rows)
{
    struct campaign_rate *rate = &s->rate[answer->device];
    rate->done += rows;
    rate->seconds += answer->seconds;
    rate->trial_seconds += answer->armed;
    if (answer->seconds > 0) {
        const double now = answer->batch->count / answer->seconds;
        rate->per_second =
            rate->per_second > 0 ? rate->per_second + RATE_WEIGHT * (now - rate->per_second) : now;
    }
    const enum status st = update(s, false);
    campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_BATCH,
                                              .device = answer->device,
                                              .item = answer->batch->item,
                                              .count = rows});
    return st;
}

void campaign_tell_failed(void *user, uint32_t device, const char *how, bool aside)
{
    struct campaign_state *s = user;
    s->rate[device].aside = aside;
    s->seat[device].item = CAMPAIGN_QUEUE_NO_ITEM;
    campaign_tell(
        s, &(struct campaign_event){.kind = aside ? CAMPAIGN_EVENT_ASIDE : CAMPAIGN_EVENT_FAILED,
                                    .device = device,
                                    .text = how});
}

void campaign_tell_tick(void *user)
{
    struct campaign_state *s = user;
    const double now = clock_seconds();
    if (now - s->last_tick < TICK_EVENTS)
        return;
    s->last_tick = now;
    s->progress.seconds = now - s->began;
    s->progress.interrupted = campaign_state_stop(s) > 0;
    campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_TICK});
}

enum status campaign_tell_end(struct campaign_state *s)
{
    const enum status st = update(s, true);
    campaign_tell(s, &(struct campaign_event){.kind = CAMPAIGN_EVENT_END});
    return st;
}

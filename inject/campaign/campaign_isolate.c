/* SPDX-License-Identifier: MIT */
/* The rules of blame for an abnormal end. */
#include "inject/campaign/campaign_isolate.h"

#include <string.h>

void campaign_isolate_begin(struct campaign_isolate *isolate, const struct campaign_batch *batch,
                            bool fresh)
{
    *isolate = (struct campaign_isolate){.on = batch->count > 0, .batch = *batch, .attempts = 1};
    if (batch->count == 1) { /* it has already failed alone */
        isolate->failures = 1;
        isolate->fresh_failures = fresh ? 1 : 0;
        isolate->explained = true;
    }
}

bool campaign_isolate_next(const struct campaign_isolate *isolate, struct campaign_batch *out)
{
    if (!isolate->on)
        return false;
    out->any = true;
    out->work = isolate->batch.work;
    out->item = isolate->batch.item;
    out->count = 1;
    out->id[0] = isolate->batch.id[isolate->at];
    return true;
}

static void step(struct campaign_isolate *isolate)
{
    isolate->at++;
    isolate->attempts = 1; /* in the batch */
    isolate->failures = 0;
    isolate->fresh_failures = 0;
    isolate->on = isolate->at < isolate->batch.count;
}

enum campaign_isolate_verdict campaign_isolate_failed(struct campaign_isolate *isolate, bool fresh,
                                                      uint32_t retry)
{
    isolate->attempts++;
    isolate->failures++;
    isolate->fresh_failures += fresh ? 1 : 0;
    isolate->explained = true;
    if (isolate->fresh_failures < retry)
        return CAMPAIGN_ISOLATE_AGAIN;
    step(isolate);
    return CAMPAIGN_ISOLATE_DUE;
}

enum campaign_isolate_verdict campaign_isolate_passed(struct campaign_isolate *isolate)
{
    const bool failed_before = isolate->failures > 0;
    step(isolate);
    if (failed_before)
        return CAMPAIGN_ISOLATE_TRIAL_INCIDENT;
    return isolate->on || isolate->explained ? CAMPAIGN_ISOLATE_NOTHING
                                             : CAMPAIGN_ISOLATE_BATCH_INCIDENT;
}

bool campaign_isolate_rest(const struct campaign_isolate *isolate, struct campaign_batch *out)
{
    if (!isolate->on)
        return false;
    out->any = true;
    out->work = isolate->batch.work;
    out->item = isolate->batch.item;
    out->count = isolate->batch.count - isolate->at;
    memcpy(out->id, isolate->batch.id + isolate->at, out->count * sizeof(*out->id));
    return true;
}

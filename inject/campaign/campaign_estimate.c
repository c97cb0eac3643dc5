/* SPDX-License-Identifier: MIT */
/* Keeps what a stratified, clustered rate needs of each counted trial. */
#include "inject/campaign/campaign_estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "inject/plan/plan_waves.h"
#include "inject/space/kinds.h"

#define INTERVAL 2.0 /* seconds between two estimates */
/* Below these the variance over items says little: 20 items cover 92 % (inject/stats), and one item
 * shows no variance over items. A plan may have fewer: then all of its own. */
#define ENOUGH_ITEMS 10
#define ENOUGH_TRIALS 30
#define SHARE 20.0 /* an estimate may cost 1 / SHARE of the time */

struct seen {
    uint32_t stratum, item, fault;
    bool sdc;
};

struct campaign_estimate {
    const struct plan *plan;
    const struct sample *sample;
    struct seen *seen; /* (count), owned */
    size_t count, room;
    uint32_t n_faults; /* above every fault index */
    uint64_t sdc, due, critical;
    double next; /* time of the next estimate */
    struct campaign_estimate_result last;
};

enum status campaign_estimate_create(struct campaign_estimate **out, const struct plan *plan,
                                     const struct sample *sample)
{
    *out = calloc(1, sizeof(**out));
    if (!*out) {
        log_error("out of host memory for an estimate");
        return STATUS_MEMORY;
    }
    (*out)->plan = plan;
    (*out)->sample = sample;
    return STATUS_OK;
}

void campaign_estimate_destroy(struct campaign_estimate **estimate)
{
    if (*estimate)
        free((*estimate)->seen);
    free(*estimate);
    *estimate = NULL;
}

static enum status make_room(struct campaign_estimate *e)
{
    const size_t room = e->room ? 2 * e->room : 1024;
    if (e->count < e->room)
        return STATUS_OK;
    struct seen *seen = e->count < UINT32_MAX / 2 ? realloc(e->seen, room * sizeof(*seen)) : NULL;
    if (!seen) {
        log_error("out of host memory for an estimate of %zu trials", room);
        return STATUS_MEMORY;
    }
    e->seen = seen;
    e->room = room;
    return STATUS_OK;
}

/* The fault that a trial shares with others; a nested design shares none. */
static enum status fault_of(struct campaign_estimate *e, uint64_t trial, uint32_t *out)
{
    struct arena arena = {0};
    struct sample_draw draw;
    *out = (uint32_t)e->count;
    if (e->plan->design == PLAN_NESTED)
        return STATUS_OK;
    enum status st = sample_draw(e->sample, trial, &arena, &draw);
    if (!st)
        *out = (uint32_t)draw.fault_index;
    arena_finish(&arena);
    return st;
}

enum status campaign_estimate_add(struct campaign_estimate *e, const struct trial_row *row)
{
    if (row->control)
        return STATUS_OK;
    enum status st = make_room(e);
    if (st)
        return st;
    struct seen *seen = &e->seen[e->count];
    st = fault_of(e, (uint64_t)row->trial, &seen->fault);
    if (st)
        return st;
    seen->stratum = (uint32_t)row->stratum;
    seen->item = (uint32_t)row->item;
    seen->sdc = strncmp(row->outcome, "sdc_", 4) == 0;
    e->n_faults = seen->fault >= e->n_faults ? seen->fault + 1 : e->n_faults;
    e->sdc += seen->sdc;
    e->due += strcmp(row->outcome, "due") == 0;
    e->critical += strcmp(row->outcome, kinds_text(KINDS_OUTCOME, OUTCOME_SDC_CRITICAL)) == 0;
    e->count++;
    return STATUS_OK;
}

/* Scratch memory for the rate. */
struct work {
    struct stats_cluster_data data;
    struct stats_cluster_trial *trial;
    size_t *begin; /* (n_strata + 1) first trial of each stratum */
};

static void sort_trials(const struct campaign_estimate *e, struct work *w)
{
    const uint32_t n_strata = w->data.n_strata;
    for (size_t i = 0; i < e->count; i++)
        w->begin[e->seen[i].stratum + 1]++;
    for (uint32_t h = 0; h < n_strata; h++)
        w->begin[h + 1] += w->begin[h];
    for (size_t i = 0; i < e->count; i++) {
        const struct seen *seen = &e->seen[i];
        const size_t at = w->begin[seen->stratum]++;
        w->trial[at] = (struct stats_cluster_trial){.stratum = seen->stratum,
                                                    .item = seen->item,
                                                    .fault = seen->fault,
                                                    .cell = (uint32_t)i,
                                                    .counted = true,
                                                    .value = seen->sdc,
                                                    .weight = 1};
    }
}

static void rate(struct campaign_estimate *e, struct work *w)
{
    const struct stats_cluster_request request = {
        .level = {1 - 0.05 * plan_waves_share(e->plan, NULL), STATS_INTERVAL_BOTH},
        .deff_floor = 1};
    struct stats_cluster_estimate estimate;
    const uint32_t items = e->plan->n_items < ENOUGH_ITEMS ? e->plan->n_items : ENOUGH_ITEMS;
    for (uint32_t h = 0; h < w->data.n_strata; h++) {
        const struct sample_stratum stratum = sample_stratum(e->sample, h);
        w->data.stratum[h] = (struct stats_cluster_stratum){
            .weight = stratum.weight, .population = stratum.distinct ? stratum.size : 0};
    }
    sort_trials(e, w);
    w->data.trial = w->trial;
    stats_cluster_rate(&estimate, &w->data);
    e->last.rated = !isnan(estimate.rate);
    if (!e->last.rated)
        return;
    stats_cluster_interval(&e->last.interval, &estimate, &request);
    e->last.rate = estimate.rate;
    e->last.confidence = request.level.confidence;
    e->last.weighted =
        fabs(estimate.rate * (double)estimate.counted - (double)estimate.events) > 1e-9;
    e->last.enough = estimate.items >= items && estimate.counted >= ENOUGH_TRIALS;
}

static enum status work_out(struct campaign_estimate *e)
{
    struct work w = {.data = {.n_trials = e->count,
                              .n_strata = sample_strata(e->sample),
                              .n_items = e->plan->n_items,
                              .n_faults = e->n_faults,
                              .n_cells = (uint32_t)e->count}};
    enum status st = STATUS_OK;
    e->last.rated = false;
    if (e->count == 0 || isnan(sample_stratum(e->sample, 0).weight))
        return STATUS_OK; /* a total over strata has no meaning */
    w.data.stratum = calloc(w.data.n_strata, sizeof(*w.data.stratum));
    w.begin = calloc((size_t)w.data.n_strata + 2, sizeof(*w.begin));
    w.trial = malloc(e->count * sizeof(*w.trial));
    w.data.scratch = malloc(((size_t)w.data.n_items + w.data.n_faults + w.data.n_cells) *
                            sizeof(*w.data.scratch));
    if (w.data.stratum && w.begin && w.trial && w.data.scratch) {
        rate(e, &w);
    } else {
        log_error("out of host memory for the rate of %zu trials", e->count);
        st = STATUS_MEMORY;
    }
    free(w.data.stratum);
    free(w.begin);
    free(w.trial);
    free(w.data.scratch);
    return st;
}

/* The counts are those of now, whenever the rate was worked out. */
static void tell(struct campaign_estimate_result *out, struct campaign_estimate *e)
{
    e->last.counted = e->count;
    e->last.sdc = e->sdc;
    e->last.due = e->due;
    e->last.critical = e->critical;
    *out = e->last;
}

enum status campaign_estimate_final(struct campaign_estimate *e,
                                    struct campaign_estimate_result *out)
{
    const double start = clock_seconds();
    const enum status st = work_out(e);
    const double now = clock_seconds();
    const double pause = SHARE * (now - start);
    e->next = now + (pause > INTERVAL ? pause : INTERVAL);
    tell(out, e);
    return st;
}

enum status campaign_estimate_now(struct campaign_estimate *e, struct campaign_estimate_result *out)
{
    if (clock_seconds() >= e->next)
        return campaign_estimate_final(e, out);
    tell(out, e);
    return STATUS_OK;
}

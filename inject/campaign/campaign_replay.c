/* SPDX-License-Identifier: MIT */
/* Draws a trial from the stored plan, runs it in a worker, compares the rows. */
#include "inject/campaign/campaign_replay.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/campaign/campaign_answer.h"
#include "inject/campaign/campaign_arm.h"
#include "inject/campaign/campaign_row.h"
#include "inject/campaign/campaign_score.h"
#include "inject/campaign/campaign_team.h"
#include "inject/store/store_tables.h"

struct replay {
    const struct campaign_replay_params *params;
    struct campaign_replay_result *out;
    struct arena *arena;
    struct campaign_world world;
    struct campaign_item *item;
    struct sample *sample;
    struct certify *certify;
    struct sample_draw draw;
    uint32_t way; /* enum campaign_way, or an arm's */
    int arm;      /* index of the plan's; -1: none */
    bool given, done;
};

static enum status next(void *user, uint32_t device, struct campaign_batch *out)
{
    struct replay *r = user;
    (void)device;
    *out = (struct campaign_batch){.any = !r->given,
                                   .work = r->way,
                                   .item = r->draw.item,
                                   .count = 1,
                                   .id = {(uint64_t)r->params->key.trial}};
    r->given = true;
    return STATUS_OK;
}

static enum status ready(void *user, uint32_t device, struct field_bytes *body)
{
    struct replay *r = user;
    struct store_device info;
    (void)device;
    return campaign_channel_take_last(body, store_tables_fields(STORE_DEVICES), &info, r->arena);
}

static enum status done(void *user, const struct campaign_answer *answer, struct field_bytes *body)
{
    struct replay *r = user;
    struct campaign_answer_rows rows;
    enum status st = campaign_answer_read_rows(body, r->arena, answer->batch->count, &rows);
    if (!st) {
        r->out->replayed = rows.row[0];
        r->done = true;
    }
    return st;
}

static enum status due(void *user, const struct campaign_due *trial)
{
    struct replay *r = user;
    const struct campaign_row_context context = {
        .bounds = campaign_worker_bounds(&r->world, r->draw.item),
        .golden_len = r->item[r->draw.item].n_tokens,
        .arm = r->arm < 0 ? NULL : r->params->key.arm};
    r->done = true;
    return campaign_row_due(&r->out->replayed, r->arena, &context, &r->draw, trial->reason);
}

static enum status incident(void *user, uint32_t device, uint64_t trial, const char *what)
{
    (void)user;
    (void)device;
    (void)trial;
    log_warn("%s", what);
    return STATUS_OK;
}

static enum status run_worker(struct replay *r)
{
    /* If the trial is given back, the result says that nothing ran. */
    const struct campaign_crew_owner owner = {
        .user = r, .next = next, .ready = ready, .done = done, .due = due, .incident = incident};
    const enum status st = campaign_team_run(&r->world, 1, &owner);
    if (st || r->done)
        return st;
    log_error("%s: the trial could not be run", r->params->setup.device[0].name);
    return STATUS_DEVICE;
}

/* The stored golden runs give the draw; a database with a trial has them all. */
static enum status make_sample(struct replay *r)
{
    const struct campaign_setup *setup = &r->params->setup;
    struct campaign_stored stored;
    enum status st =
        campaign_items_stored(&stored, r->arena, r->params->store, setup->plan, setup->model);
    r->item = stored.item;
    r->sample = stored.sample;
    return st;
}

/* The arm's index, and the stored row. */
static enum status find_stored(struct replay *r)
{
    const struct store_key *key = &r->params->key;
    const struct plan *plan = r->params->setup.plan;
    bool found = false;
    r->arm = -1;
    for (uint32_t i = 0; i < plan->n_arms; i++) {
        if (strcmp(plan->arm[i].name, key->arm) == 0)
            r->arm = (int)i;
    }
    enum status st = store_find_armed(r->params->store, key, r->arena, &r->out->stored, &found);
    if (!st && !found) {
        const bool clean = campaign_arm_is_clean(key->trial);
        log_error("%s %" PRId64 " is not in the database in arm %s, expected one that was run",
                  clean ? "the clean run of item" : "trial", clean ? -1 - key->trial : key->trial,
                  key->arm);
        st = STATUS_INPUT;
    }
    return st;
}

/* What an arm's row has from the trial's row of arm none. */
static enum status weigh(struct replay *r)
{
    struct trial_row *row = &r->out->replayed, original;
    bool found = false;
    row->arm_weight = 1;
    if (campaign_arm_is_clean(row->trial))
        return STATUS_OK;
    const enum status st =
        store_find_row(r->params->store, (uint64_t)row->trial, r->arena, &original, &found);
    if (!st && found)
        row->arm_weight = campaign_arm_weight(r->params->setup.plan, &original);
    return st;
}

static enum status score(struct replay *r)
{
    const struct campaign_setup *setup = &r->params->setup;
    struct campaign_score *score = NULL;
    enum status st = campaign_score_create(&score, setup->plan);
    if (!st)
        st = campaign_score_row(score, r->arena, &r->out->replayed, &r->item[r->draw.item].row);
    campaign_score_destroy(&score);
    return st;
}

static enum status run(struct replay *r)
{
    const struct campaign_setup *setup = &r->params->setup;
    enum status st = find_stored(r);
    if (!st && r->arm >= 0)
        st = campaign_arm_check(setup->plan, setup->model);
    if (!st)
        st = make_sample(r);
    if (!st && setup->plan->record == PLAN_RECORD_OUTCOME && !setup->naive)
        st = certify_create(&r->certify, setup->model);
    r->world = (struct campaign_world){
        .setup = setup, .item = r->item, .sample = r->sample, .certify = r->certify};
    if (!st)
        st = campaign_worker_draw(&r->world, (uint64_t)r->params->key.trial,
                                  (uint32_t)(-1 - r->params->key.trial), r->arena, &r->draw);
    r->way = r->arm >= 0                  ? CAMPAIGN_WAY_ARM + (uint32_t)r->arm
             : r->draw.role == ROLE_NAIVE ? CAMPAIGN_WAY_NAIVE
                                          : CAMPAIGN_WAY_FAST;
    if (!st)
        st = run_worker(r);
    if (!st)
        st = score(r);
    if (!st && r->arm >= 0)
        st = weigh(r);
    if (!st)
        r->out->identical =
            trial_row_compare(&r->out->stored, &r->out->replayed, &r->out->difference);
    return st;
}

enum status campaign_replay(struct campaign_replay_result *out, struct arena *arena,
                            const struct campaign_replay_params *params)
{
    struct replay r = {.params = params, .out = out, .arena = arena};
    *out = (struct campaign_replay_result){.identical = false};
    const enum status st = run(&r);
    certify_destroy(&r.certify);
    sample_destroy(&r.sample);
    return st;
}

/* SPDX-License-Identifier: MIT */
/* Runs a batch: which jobs share passes, and which lanes are in flight. */
#include "inject/trial/trial.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "inject/trial/lane.h"
#include "inject/trial/origin.h"
#include "inject/trial/record.h"
#include "inject/trial/trial_pass.h"

/* A run of a job in flight: runs are counted job by job, each job has one, or one per choice. */
struct slot {
    bool busy;
    uint32_t job, choice;
    struct lane run, fed;
    struct trial_share share; /* lane: the one of these that is running; null: it waits */
    struct slot *leader;      /* to fork from this one's run */
};

struct batch {
    const struct golden *golden;
    const struct trial_settings *settings;
    const struct trial_job *jobs;
    struct record *out;
    struct arena *arena;
    struct trial_work *work;
    struct trial_pass pass;
    struct slot *slot; /* (n_slots) */
    uint32_t n_slots;
    uint32_t runs;       /* of a job */
    struct lane **ended; /* (jobs, runs) of choices: closed lanes; null: not struck, or not yet */
    uint32_t *left;      /* (jobs) runs that have not ended */
};

static const struct golden *golden_of(const struct batch *b, uint32_t choice)
{
    return golden_is_choice(b->golden) ? &b->golden->choice[choice] : b->golden;
}

static enum status init(struct batch *b, uint32_t n_jobs)
{
    b->runs = golden_is_choice(b->golden) ? b->golden->n_choices : 1;
    b->n_slots = b->golden->lanes;
    b->ended = arena_array(b->arena, (size_t)n_jobs * b->runs, sizeof(*b->ended));
    b->left = arena_array(b->arena, n_jobs, sizeof(*b->left));
    b->slot = arena_array(b->arena, b->n_slots, sizeof(*b->slot));
    if (!b->ended || !b->left || !b->slot)
        return STATUS_MEMORY;
    return trial_pass_init(&b->pass, b->golden, b->settings, b->work);
}

static enum status open_lane(struct batch *b, struct slot *slot, bool fed)
{
    const struct golden *golden = golden_of(b, slot->choice);
    const bool given = fed || golden_is_choice(golden);
    const struct lane_params params = {.golden = golden,
                                       .settings = b->settings,
                                       .job = &b->jobs[slot->job],
                                       .whole = b->settings->path == TRIAL_NAIVE,
                                       .feed = given ? golden->run.tokens : NULL,
                                       .n_feed = given ? golden->run.n_tokens : 0,
                                       .measures = fed};
    const struct lane *leader = slot->leader ? slot->leader->share.lane : NULL;
    slot->share.lane = fed ? &slot->fed : &slot->run;
    slot->leader = NULL;
    if (leader)
        return lane_fork(slot->share.lane, b->arena, &params, leader);
    return lane_open(slot->share.lane, b->arena, &params);
}

/* Predicts how often faults that fire on a value pattern fire at first. */
static enum status predict(struct lane *run)
{
    uint64_t first;
    if (!run->proof.conditional || !predict_can(run))
        return STATUS_OK;
    const enum status st = predict_first(&first, run);
    if (!st)
        run->proof.expected += first - run->proof.count_first;
    return st;
}

static enum status make_record(struct batch *b, const struct slot *slot)
{
    const bool summary = b->settings->level > RECORD_OUTCOME;
    const struct lane *run = &slot->run;
    struct record *record = &b->out[slot->job];
    const struct record_lanes lanes = {
        .run = run, .fed = summary && run->due == DUE_NONE ? slot->share.lane : NULL};
    const enum status st = record_make(record, &lanes);
    return st || !record_wants_origin(record, run) ? st : origin_find(record, run);
}

static enum status make_choices(struct batch *b, uint32_t job)
{
    struct lane **ended = b->ended + (size_t)job * b->runs;
    struct record *record = &b->out[job];
    const struct record_choices choices = {b->golden, b->settings, &b->jobs[job], ended};
    enum status st = record_choices_make(record, b->arena, &choices);
    for (uint32_t i = 0; i < b->runs && !st && !record->nan_site; i++) {
        if (ended[i] && record_wants_origin(record, ended[i]))
            st = origin_find(record, ended[i]);
    }
    return st;
}

/* The record is made once the job's last run has ended. */
static enum status end_choice(struct batch *b, const struct slot *slot)
{
    struct lane *own = arena_alloc(b->arena, sizeof(*own));
    if (!own)
        return STATUS_MEMORY;
    *own = slot->run;
    b->ended[(size_t)slot->job * b->runs + slot->choice] = own;
    return --b->left[slot->job] > 0 ? STATUS_OK : make_choices(b, slot->job);
}

/* The lane is done: if it left golden's tokens, these are fed next; else the record is made. */
static enum status finish_lane(struct batch *b, struct slot *slot)
{
    const bool summary = b->settings->level > RECORD_OUTCOME;
    const bool choice = golden_is_choice(b->golden);
    struct lane *run = &slot->run;
    enum status st = lane_close(slot->share.lane);
    if (st)
        return st;
    if (summary && !choice && slot->share.lane == run && run->off && run->due == DUE_NONE)
        return open_lane(b, slot, true);
    const double start = clock_seconds();
    st = predict(run);
    if (!st)
        st = choice ? end_choice(b, slot) : make_record(b, slot);
    b->work->record_seconds += clock_seconds() - start;
    slot->busy = false;
    return st;
}

/* Adds the columns of all lanes: those on their own tokens first, which take longest. Lanes that
 * are done make room. */
static enum status fill_pass(struct batch *b)
{
    enum status st = STATUS_OK;
    trial_pass_begin(&b->pass);
    for (int off = 1; off >= 0; off--) {
        for (uint32_t i = 0; i < b->n_slots && !st; i++) {
            struct slot *slot = &b->slot[i];
            if (!slot->busy || !slot->share.lane || slot->share.lane->off != off)
                continue;
            st = trial_pass_add(&b->pass, &slot->share, slot->job);
            if (!st && slot->share.lane->done)
                st = finish_lane(b, slot);
        }
    }
    return st;
}

/* No token is picked if they are given, and no expert read that is not chosen. */
static bool strikes(const struct fault *fault, const struct golden *golden)
{
    const bool picks = fault->place == PLACE_CONTROL && fault->control == CONTROL_SAMPLER;
    const struct fault_bounds bounds = golden_bounds(golden);
    const struct fault_reach reach = {
        .bounds = &bounds, .n_evaluated = golden->n_evaluated, .experts = golden->experts};
    if (fault->place == PLACE_WEIGHT && golden->experts && !fault_reach_reads(&reach, fault))
        return false;
    return fault->position < golden->n_evaluated && !(picks && golden_is_choice(golden));
}

/* Whether a run of the job evaluates a struck site. */
static bool reached(const struct batch *b, uint32_t job, uint32_t choice)
{
    const struct trial_job *own = &b->jobs[job];
    if (own->choice > 0 && own->choice != choice + 1)
        return false;
    for (uint32_t i = 0; i < own->n_faults; i++) {
        if (strikes(&own->fault[i], golden_of(b, choice)))
            return true;
    }
    return false;
}

/* Strikes memory that every lane reads. */
static bool is_global(const struct batch *b, uint32_t job)
{
    for (uint32_t i = 0; i < b->jobs[job].n_faults; i++) {
        const struct fault *fault = &b->jobs[job].fault[i];
        if (fault->place == PLACE_TABLE ||
            (fault->place == PLACE_WEIGHT &&
             (decode_watches(trial_decode(b->golden, b->settings)) ||
              !lane_emulates(&b->jobs[job], i, b->golden->params.ex->model))))
            return true;
    }
    return false;
}

static bool takes(const struct batch *b, uint32_t run, bool alone)
{
    const uint32_t job = run / b->runs;
    const bool naive = b->settings->path == TRIAL_NAIVE;
    return reached(b, job, run % b->runs) && (naive || is_global(b, job)) == alone;
}

/* Puts the other runs of an item of choices into free slots, to wait where the contexts end for
 * what this one did to them. Those without a slot run by themselves later. Returns the next run. */
static uint32_t add_followers(struct batch *b, struct slot *leader, uint32_t next, uint32_t n)
{
    const uint32_t fork = lane_forks(leader->share.lane);
    for (uint32_t i = 0; fork > 0 && i < b->n_slots; i++) {
        if (b->slot[i].busy)
            continue;
        while (next < n && next / b->runs == leader->job && !takes(b, next, false))
            next++;
        if (next == n || next / b->runs != leader->job)
            return next;
        b->slot[i] = (struct slot){
            .busy = true, .job = leader->job, .choice = next % b->runs, .leader = leader};
        leader->share.lane->pause = fork;
        next++;
    }
    return next;
}

static enum status open_followers(struct batch *b)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < b->n_slots && !st; i++) {
        struct slot *slot = &b->slot[i];
        if (slot->busy && slot->leader &&
            slot->leader->share.lane->next >= slot->leader->share.lane->pause)
            st = open_lane(b, slot, false);
    }
    for (uint32_t i = 0; i < b->n_slots && !st; i++) { /* nobody waits for it any more */
        struct slot *slot = &b->slot[i];
        if (slot->busy && slot->share.lane && slot->share.lane->next >= slot->share.lane->pause)
            slot->share.lane->pause = 0;
    }
    return st;
}

/* The runs of jobs that are (not) alone, at most `most` at a time. */
static enum status run_jobs(struct batch *b, uint32_t n_jobs, bool alone)
{
    const uint32_t n = n_jobs * b->runs;
    const uint32_t most = alone ? 1 : b->n_slots;
    uint32_t next = 0, busy = 0;
    enum status st = STATUS_OK;
    do {
        for (uint32_t i = 0; i < most && !st; i++) {
            struct slot *slot = &b->slot[i];
            while (!slot->busy && next < n && !takes(b, next, alone))
                next++;
            if (slot->busy || next == n)
                continue;
            *slot = (struct slot){.busy = true, .job = next / b->runs, .choice = next % b->runs};
            next++;
            st = open_lane(b, slot, false);
            if (!st && !alone)
                next = add_followers(b, slot, next, n);
        }
        st = st ? st : open_followers(b);
        if (!st)
            st = fill_pass(b);
        if (!st)
            st = trial_pass_run(&b->pass);
        busy = 0;
        for (uint32_t i = 0; i < most; i++)
            busy += b->slot[i].busy;
    } while (!st && (busy > 0 || next < n));
    return st;
}

static enum status not_reached(struct batch *b, uint32_t job)
{
    if (golden_is_choice(b->golden))
        return make_choices(b, job);
    record_not_reached(&b->out[job], b->golden, b->settings, &b->jobs[job]);
    return STATUS_OK;
}

enum status trial_batch(struct record *out, struct arena *arena, const struct golden *golden,
                        const struct trial_settings *settings, const struct trial_jobs *jobs)
{
    struct trial_work work = {0};
    struct batch b = {.golden = golden,
                      .settings = settings,
                      .jobs = jobs->job,
                      .out = out,
                      .arena = arena,
                      .work = settings->work ? settings->work : &work};
    enum status st = init(&b, jobs->n);
    for (uint32_t i = 0; i < jobs->n && !st; i++) {
        for (uint32_t k = 0; k < b.runs; k++)
            b.left[i] += reached(&b, i, k);
        if (b.left[i] == 0)
            st = not_reached(&b, i);
    }
    if (!st)
        st = run_jobs(&b, jobs->n, false);
    if (!st)
        st = run_jobs(&b, jobs->n, true);
    for (uint32_t i = 0; b.slot && i < b.n_slots; i++) {
        const enum status run = lane_close(&b.slot[i].run), fed = lane_close(&b.slot[i].fed);
        st = st ? st : run ? run : fed;
    }
    trial_pass_finish(&b.pass);
    return st;
}
